"""Does a real Prometheus find series for every query and every alert, once each metric was sent?

The same with the data of a real run: tests/verify/test_dashboards_live.py.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring.everything import ALL, MAPPING, arrived, send, with_errors, without_series
from monitoring.exporter import StandIn
from monitoring.prometheus_server import Prometheus, skip_without


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    skip_without("prometheus")
    with tempfile.TemporaryDirectory(prefix="touchline-prometheus-") as name, StandIn(MAPPING) as exporter:
        Path(name).chmod(0o755)
        with Prometheus(Path(name) / "prometheus", exporter.http_port) as server:
            send(ALL.values(), exporter.statsd_port)
            time.sleep(8)
            assert not exporter.exporter.unmapped
            yield server


def test_every_metric_arrives(prometheus: Prometheus) -> None:
    assert [metric.name for metric in set(ALL.values()) - arrived(prometheus)] == []


def test_every_query_and_every_alert_gives_series(prometheus: Prometheus) -> None:
    assert without_series(prometheus) == []
    assert with_errors(prometheus) == []


def test_a_counter_that_was_just_born_counts_whole(prometheus: Prometheus) -> None:
    assert prometheus.ask("touchline:failure_ratio:1d")[0]["value"][1] == "0.5"
    assert prometheus.ask('ALERTS{alertname="FailureRateHigh", severity="warning", alertstate="firing"}')
    assert not prometheus.ask('ALERTS{alertname="FailureRateHigh", severity="critical"}')
