"""How does the StatsD exporter turn our names into metrics with labels? Its mapping file, made from the table."""

from __future__ import annotations

from typing import Any

from touchline_airflow.metrics.airflow_metrics import AIRFLOW, DROP_THE_REST
from touchline_airflow.metrics.metric import PREFIX, Gauge, Histogram, Metric
from touchline_airflow.metrics.table import TABLE

GAUGE_TTL = "5m"
"""A gauge that nobody sends any more is gone: a machine that was taken away must not look alive."""


def mapping() -> dict[str, Any]:
    """The content of `docker/statsd/mapping.yml`; one rule for each metric, and no other takes its names."""
    ours = {".".join([PREFIX, metric.name, *("*" for _ in metric.labels)]): metric for metric in TABLE}
    return {"mappings": [*(rule(pattern, metric) for pattern, metric in {**ours, **AIRFLOW}.items()), DROP_THE_REST]}


def rule(pattern: str, metric: Metric) -> dict[str, Any]:
    """One rule of the exporter: what the pattern matches becomes the metric, each `*` one of its labels."""
    found: dict[str, Any] = {
        "match": pattern,
        "name": metric.name,
        "help": metric.meaning,
        "labels": {label: f"${place}" for place, label in enumerate(metric.labels, 1)},
    }
    if isinstance(metric, Gauge):
        found["ttl"] = GAUGE_TTL
    if isinstance(metric, Histogram):
        found |= {"observer_type": "histogram", "histogram_options": {"buckets": list(metric.buckets)}}
    return found
