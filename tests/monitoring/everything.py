"""Every metric by hand, and what of dashboards and alerts has no series."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

from monitoring.prometheus_server import Prometheus
from monitoring.promql import compared, metric_names
from monitoring.test_alerts import alerts, rules
from touchline_airflow.metrics.airflow_metrics import AIRFLOW
from touchline_airflow.metrics.metric import PREFIX, Gauge, Histogram, Metric
from touchline_airflow.metrics.table import TABLE
from touchline_deploy.generated.dashboard_panels import BOARDS

ROOT = Path(__file__).resolve().parents[2]
MAPPING = ROOT / "docker" / "statsd" / "mapping.yml"
ALL = {**{".".join([PREFIX, metric.name, *("*" for _ in metric.labels)]): metric for metric in TABLE}, **AIRFLOW}
"""Every metric by its pattern on the wire."""
LABELS = {"airflow_executor": ("running_tasks",), "airflow_pool": ("queued_slots", "gpu"),
          "pipeline_cost_limit": ("match_warn", "match_stop", "day_stop"), "pipeline_pool_slots": ("running", "total"),
          "pipeline_deadlines_missed_total": ("nightly_backfill",), "pipeline_jobs_total": ("published", "failed"),
          "pipeline_jobs_failed_total": ("infrastructure",)}
"""Values that rules and dashboards ask for, by metric; all others are `some`."""


def wire_names(pattern: str, metric: Metric) -> list[str]:
    """What to send for a metric: one name, or one for each value that is asked for."""
    values = LABELS.get(metric.name, ("some",))
    if metric.name == "airflow_pool":
        return [pattern.replace("*", values[0], 1).replace("*", values[1])]
    if metric.name == "pipeline_pool_slots":
        return [f"{PREFIX}.{metric.name}.gpu.{state}" for state in values]
    return [pattern.replace("*", value, 1).replace("*", "some") for value in values]


def send(metrics: Iterable[Metric], port: int) -> None:
    """One value of each."""
    wanted = set(metrics)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        for pattern, metric in ALL.items():
            kind = "g" if isinstance(metric, Gauge) else "ms" if isinstance(metric, Histogram) else "c"
            for name in wire_names(pattern, metric) if metric in wanted else ():
                out.sendto(f"{name}:1|{kind}".encode(), ("127.0.0.1", port))


def arrived(prometheus: Prometheus) -> set[Metric]:
    """The metrics that Prometheus has."""
    return {metric for metric in ALL.values() if prometheus.ask(
        f"{metric.name}_count" if isinstance(metric, Histogram) else f"last_over_time({metric.name}[1h])")}


def without_series(prometheus: Prometheus) -> list[str]:
    """Queries of the dashboards, comparisons of the alerts and metrics of the rules that give nothing."""
    asked = {f"{board.name}, {panel.title}: {query.expr}": query.expr for board in BOARDS
             for panels in board.rows.values() for panel in panels for query in panel.queries}
    asked |= {f"{alert['alert']}: {part}": part for alert in alerts() for part in compared(alert["expr"])}
    asked |= {name: f"last_over_time({name}[1h])" for rule in rules() for name in metric_names(rule["expr"])}
    return [what for what, expression in asked.items() if not prometheus.ask(expression)]


def with_errors(prometheus: Prometheus) -> list[str]:
    """Rules that Prometheus cannot evaluate."""
    found = prometheus.rules()
    assert len(found) == len(rules())
    return [f"{rule['name']}: {rule.get('lastError')}" for rule in found if rule["health"] != "ok"]
