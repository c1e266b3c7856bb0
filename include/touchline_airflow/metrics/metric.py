"""What is a metric of ours, and how does it go to StatsD? Its plain client has no tags: labels are part of the name."""

from __future__ import annotations

import functools
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec

from touchline.errors import TouchlineError

PREFIX = "touchline"
NO_VALUE = "none"

Given = ParamSpec("Given")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Metric:
    """Name as Prometheus has it, unit, labels in their order, meaning in one sentence."""

    name: str
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()

    def sent_as(self, labels: dict[str, str]) -> str:
        """The name on the wire below PREFIX: `pipeline_events_detected_total.shots_on_target`.

        Raises:
            ValueError: other labels than the metric has.
        """
        if set(labels) != set(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, not {tuple(labels)}")
        return ".".join([self.name, *(slug(labels[label]) for label in self.labels)])


@dataclass(frozen=True)
class Counter(Metric):
    """Only ever grows."""

    def add(self, count: float = 1, **labels: str) -> None:
        """Count `count` more."""
        if (client := _client()) and count:
            client.incr(self.sent_as(labels), count)


@dataclass(frozen=True)
class Gauge(Metric):
    """What is now; gone a few minutes after it was last sent."""

    def set(self, value: float, **labels: str) -> None:
        """Tell how much it is; never below 0, which StatsD would take for a difference."""
        if client := _client():
            client.gauge(self.sent_as(labels), max(0, value))


@dataclass(frozen=True)
class Histogram(Metric):
    """Seconds, counted into buckets by their upper bounds."""

    buckets: tuple[float, ...] = ()

    def observe(self, seconds: float, **labels: str) -> None:
        """Count one duration."""
        if client := _client():
            client.timing(self.sent_as(labels), seconds * 1000)


def slug(text: str) -> str:
    """A label's value as one part of a StatsD name: "Shots on target" becomes "shots_on_target"."""
    return re.sub(r"[^a-z0-9-]+", "_", text.lower()).strip("_") or NO_VALUE


def harmless(tell: Callable[Given, None]) -> Callable[Given, None]:
    """Call it only where metrics are sent; what goes wrong then is logged: a metric must never cost a match."""

    @functools.wraps(tell)
    def told(*arguments: Given.args, **named: Given.kwargs) -> None:
        try:
            if sends():
                tell(*arguments, **named)
        except Exception as error:
            log.warning("Metrics were not sent: %s", error, exc_info=not isinstance(error, TouchlineError))

    return told


def sends() -> bool:
    """Whether metrics are to be sent here."""
    return _setting("statsd_on").lower() in ("true", "t", "1")


def look_up_again() -> None:
    """Ask for the address of StatsD again: a process that lives for weeks follows it to another machine."""
    _client.cache_clear()


@functools.cache
def _client() -> Any:
    """Where Airflow sends its own metrics to, by UDP: nobody has to listen. None where Airflow sends none."""
    if not sends():
        return None
    import statsd

    host = _setting("statsd_host")
    try:
        return statsd.StatsClient(host, int(_setting("statsd_port")), prefix=PREFIX)
    except OSError as error:
        _say_once(f"No metrics are sent: [metrics] statsd_host={host} is not found ({error})")
        return None


@functools.cache
def _say_once(line: str) -> None:
    log.warning("%s", line)


def _setting(name: str) -> str:
    """A setting of Airflow's section [metrics]. The environment is asked first: Airflow's import takes seconds."""
    value = os.environ.get(f"AIRFLOW__METRICS__{name.upper()}")
    if value is None:
        from airflow.sdk.configuration import conf

        value = conf.get("metrics", name)
    return value.strip()
