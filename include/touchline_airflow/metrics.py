"""Which measurements of the steps go to StatsD? The plain client has no tags: stage and key stand in the name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def send_stats(stage: str, stats: Mapping[str, Any]) -> None:
    """Send a step's numbers as gauges `touchline.<stage>.<key>`; does nothing where StatsD is off."""
    from airflow.sdk.observability.stats import Stats

    for key, value in stats.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            Stats.gauge(f"touchline.{stage}.{key}", value)
