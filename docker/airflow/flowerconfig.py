"""Flower's settings: its password also guards /metrics, which Flower leaves open."""

from flower.views.monitor import Metrics
from tornado.web import authenticated

Metrics.get = authenticated(Metrics.get)
