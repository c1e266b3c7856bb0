"""Every query of the dashboards and every alert has its series, in a real Prometheus with the data of a real run.

The run has PostgreSQL, a match that is published, one that fails, a backup with its trial and a check of the NAS.
The StatsD exporter is a stand-in (tests/monitoring/exporter.py), and so is `nvidia-smi`: no GPU is here. What no such
run sends, retries and missed deadlines for example, is sent afterwards by hand; the test prints which that was.
"""

from __future__ import annotations

import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("scripts", "tests/integration/airflow", "tests/monitoring")]

from airflow_house import SETTINGS, House, simulate, wait_for  # noqa: E402
from exporter import StandIn  # noqa: E402
from prometheus_server import Prometheus  # noqa: E402
from promql import compared, metric_names  # noqa: E402
from test_alerts import alerts, rules  # noqa: E402

from dashboard_panels import BOARDS  # noqa: E402
from services import Postgres, missing  # noqa: E402
from standalone import start  # noqa: E402
from touchline_airflow.metrics.airflow_metrics import AIRFLOW  # noqa: E402
from touchline_airflow.metrics.metric import PREFIX, Gauge, Histogram, Metric  # noqa: E402
from touchline_airflow.metrics.table import TABLE  # noqa: E402

pytestmark = pytest.mark.verify
MAPPING = ROOT / "docker" / "statsd" / "mapping.yml"
NVIDIA_SMI = "#!/bin/sh\n# A stand-in: one GPU of 32 GiB.\necho '0, 73, 14336, 32768'\n"
LIMITS = {"COST_PER_MATCH_WARN": "2.5", "COST_PER_MATCH_LIMIT": "300", "COST_PER_DAY_LIMIT": "1500",
          "COST_PER_GPU_HOUR": "2", "COST_PER_CPU_HOUR": "0.1"}
LABELS = {"dag": "nightly_backfill", "stage": "scan", "outcome": "sent"}
"""Values of labels for what is sent by hand; all others are `some`."""


BROKEN_MACHINE = f"{PREFIX}.pipeline_jobs_total.failed:1|c\n{PREFIX}.pipeline_jobs_failed_total.infrastructure:1|c"
"""One more failure: the run's own is the recording's, which is no failure of ours."""


class Watched(Postgres):
    """As the stack's: it remembers which statements are slow."""

    def _argv(self) -> list[str]:
        return [*super()._argv(), "-c", "shared_preload_libraries=pg_stat_statements"]


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    """It holds what the run sent, and then the rest."""
    if missing() or not shutil.which("prometheus"):
        pytest.skip(missing() or "Prometheus is missing: install Debian's package prometheus")
    with tempfile.TemporaryDirectory(prefix="touchline-dashboards-") as name, StandIn(MAPPING) as exporter:
        folder = Path(name)
        folder.chmod(0o755)
        with Prometheus(folder / "prometheus", exporter.http_port) as server:
            run(folder, exporter.statsd_port)
            time.sleep(3)
            sent = {metric for metric in (*TABLE, *AIRFLOW.values()) if server.ask(series_of(metric))}
            send_the_rest(sent, exporter.statsd_port)
            time.sleep(5)
            assert not exporter.exporter.unmapped
            yield server


def run(folder: Path, statsd_port: int) -> None:
    """One house, from its first start to its end."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "nvidia-smi").write_text(NVIDIA_SMI)
    (programs / "nvidia-smi").chmod(0o755)
    nas = folder / "nas"
    with Watched(folder / "postgres") as database:
        database.ask("CREATE EXTENSION pg_stat_statements")
        settings = {**SETTINGS, **LIMITS, "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
                    "TOUCHLINE_METADATA_URL": database.url("airflow"), "CATALOGUE_URL": database.url("catalogue"),
                    "AIRFLOW__METRICS__STATSD_ON": "true", "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
                    "AIRFLOW__METRICS__STATSD_PORT": str(statsd_port)}
        with start(folder / "state", nas, nas / "output", port=18380, settings=settings) as stack:
            house = House(stack, nas, nas / "output", stack.api())
            work(house, folder)


def work(house: House, folder: Path) -> None:
    """A published match, a failed one, a backup with its trial, a check of the NAS, two samples more."""
    (house.nas / "bad.match.toml").write_text("kits = 1\n")
    for name, seconds in (("good", 26), ("bad", 8)):
        simulate(folder / name, seconds, seed=seconds).rename(house.nas / f"{name}.mp4")
    for dag, conf in (("backup", {"try_restore": True}), ("check_nas", {})):
        house.api.wait_for_run(dag, house.api.trigger(dag, conf)["dag_run_id"], 400)
    wait_for("a published and a failed match", lambda: states(house) == {"success", "failed"})
    time.sleep(35)


def states(house: House) -> set[str]:
    return {str(run["state"]) for run in house.api.runs("process_match")}


def send_the_rest(sent: set[Metric], port: int) -> None:
    """One value of each metric that nobody sent, with the name on the wire that the table gives it."""
    ours = {".".join([PREFIX, metric.name, *("*" for _ in metric.labels)]): metric for metric in TABLE}
    left = {pattern: metric for pattern, metric in {**ours, **AIRFLOW}.items() if metric not in sent}
    print(f"\nsent by the run: {len(sent)} metrics; by hand: {', '.join(metric.name for metric in left.values())}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(BROKEN_MACHINE.encode(), ("127.0.0.1", port))
        for pattern, metric in left.items():
            for label in metric.labels:
                pattern = pattern.replace("*", LABELS.get(label, "some"), 1)  # noqa: PLW2901
            kind = "g" if isinstance(metric, Gauge) else "ms" if isinstance(metric, Histogram) else "c"
            out.sendto(f"{pattern}:1|{kind}".encode(), ("127.0.0.1", port))


def series_of(metric: Metric) -> str:
    return f"{metric.name}_count" if isinstance(metric, Histogram) else f"last_over_time({metric.name}[1h])"


def test_every_query_of_the_dashboards_gives_series(prometheus: Prometheus) -> None:
    empty = [f"{board.name}, {panel.title}: {query.expr}" for board in BOARDS for panels in board.rows.values()
             for panel in panels for query in panel.queries if not prometheus.ask(query.expr)]
    assert empty == []


def test_what_each_alert_compares_gives_series(prometheus: Prometheus) -> None:
    empty = [f"{alert['alert']}: {part}" for alert in alerts() for part in compared(alert["expr"])
             if not prometheus.ask(part)]
    assert empty == []


def test_every_rule_is_evaluated_without_an_error(prometheus: Prometheus) -> None:
    found = prometheus.rules()
    assert len(found) == len(rules())
    assert [(rule["name"], rule.get("lastError")) for rule in found if rule["health"] != "ok"] == []


def test_all_that_rules_read_is_there(prometheus: Prometheus) -> None:
    names = set().union(*(metric_names(rule["expr"]) for rule in rules()))
    assert [name for name in sorted(names) if not prometheus.ask(f"last_over_time({name}[1h])")] == []


def test_the_figures_are_those_of_the_run(prometheus: Prometheus) -> None:
    def value(expression: str) -> float:
        return float(prometheus.ask(expression)[0]["value"][1])

    assert value('sum(touchline:jobs:increase1d{outcome="published"})') == 1
    assert value('sum(touchline:jobs:increase1d{outcome="failed"})') == 2
    assert value('sum(touchline:jobs_failed:increase1d{reason="recording"})') == 1
    assert value("touchline:failure_ratio:1d") == pytest.approx(1 / 3)
    assert value('count(ALERTS{alertname="FailureRateHigh", severity="warning", alertstate="firing"})') == 1
    assert not prometheus.ask('ALERTS{alertname="FailureRateHigh", severity="critical"}')
