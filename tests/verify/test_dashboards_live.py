"""Every query of the dashboards and every alert has its series, in a real Prometheus with the data of a real run.

The run has PostgreSQL, a match that is published, one that fails, a backup with its trial and a check of the NAS.
The StatsD exporter is a stand-in (tests/monitoring/exporter.py), and so is `nvidia-smi`: no GPU is here. What no such
run sends, retries and missed deadlines for example, is sent afterwards by hand; the test prints which that was.
"""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring.everything import ALL, MAPPING, arrived, send, with_errors, without_series
from monitoring.exporter import StandIn
from monitoring.prometheus_server import Prometheus, skip_without
from support.footage import simulate
from support.running_airflow import SETTINGS, RunningAirflow, running_airflow
from support.services import Postgres, missing
from support.waiting import wait_for
from touchline_airflow.metrics.metric import PREFIX

pytestmark = pytest.mark.verify
NVIDIA_SMI = "#!/bin/sh\n# A stand-in: one GPU of 32 GiB.\necho '0, 73, 14336, 32768'\n"
LIMITS = {"COST_PER_MATCH_WARN": "2.5", "COST_PER_MATCH_LIMIT": "300", "COST_PER_DAY_LIMIT": "1500",
          "COST_PER_GPU_HOUR": "2", "COST_PER_CPU_HOUR": "0.1"}
BROKEN_MACHINE = f"{PREFIX}.pipeline_jobs_total.failed:1|c\n{PREFIX}.pipeline_jobs_failed_total.infrastructure:1|c"
"""One more failure: the run's own is the recording's, which is no failure of ours."""


class Watched(Postgres):
    """As the stack's: it remembers which statements are slow."""

    def _argv(self) -> list[str]:
        return [*super()._argv(), "-c", "shared_preload_libraries=pg_stat_statements"]


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    """It holds what the run sent, and then the rest."""
    skip_without("prometheus")
    if missing():
        pytest.skip(missing())
    with tempfile.TemporaryDirectory(prefix="touchline-dashboards-") as name, StandIn(MAPPING) as exporter:
        folder = Path(name)
        folder.chmod(0o755)
        with Prometheus(folder / "prometheus", exporter.http_port) as server:
            run(folder, exporter.statsd_port)
            time.sleep(3)
            sent = arrived(server)
            rest = set(ALL.values()) - sent
            print(f"\nsent by the run: {len(sent)} metrics; by hand: {', '.join(sorted(one.name for one in rest))}")
            send(rest, exporter.statsd_port)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
                out.sendto(BROKEN_MACHINE.encode(), ("127.0.0.1", exporter.statsd_port))
            time.sleep(5)
            assert not exporter.exporter.unmapped
            yield server


def run(folder: Path, statsd_port: int) -> None:
    """One Airflow, from its first start to its end."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "nvidia-smi").write_text(NVIDIA_SMI)
    (programs / "nvidia-smi").chmod(0o755)
    with Watched(folder / "postgres") as database:
        database.ask("CREATE EXTENSION pg_stat_statements")
        settings = {**SETTINGS, **LIMITS, "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
                    "TOUCHLINE_METADATA_URL": database.url("airflow"), "CATALOGUE_URL": database.url("catalogue"),
                    "AIRFLOW__METRICS__STATSD_ON": "true", "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
                    "AIRFLOW__METRICS__STATSD_PORT": str(statsd_port)}
        with running_airflow(folder, settings) as airflow:
            work(airflow, folder)


def work(airflow: RunningAirflow, folder: Path) -> None:
    """A published match, a failed one, a backup with its trial, a check of the NAS, two samples more."""
    (airflow.nas / "bad.match.toml").write_text("kits = 1\n")
    for name, seconds in (("good", 26), ("bad", 8)):
        simulate(folder / name, seconds, seed=seconds).rename(airflow.nas / f"{name}.mp4")
    for dag, conf in (("backup", {"try_restore": True}), ("check_nas", {})):
        airflow.api.wait_for_run(dag, airflow.api.trigger(dag, conf)["dag_run_id"], 400)
    wait_for("a published and a failed match", lambda: states(airflow) == {"success", "failed"})
    time.sleep(35)


def states(airflow: RunningAirflow) -> set[str]:
    return {str(run["state"]) for run in airflow.api.runs("process_match")}


def test_every_query_of_the_dashboards_and_all_that_alerts_compare_gives_series(prometheus: Prometheus) -> None:
    assert without_series(prometheus) == []


def test_every_rule_is_evaluated_without_an_error(prometheus: Prometheus) -> None:
    assert with_errors(prometheus) == []


def test_the_figures_are_those_of_the_run(prometheus: Prometheus) -> None:
    def value(expression: str) -> float:
        return float(prometheus.ask(expression)[0]["value"][1])

    assert value('sum(touchline:jobs:increase1d{outcome="published"})') == 1
    assert value('sum(touchline:jobs:increase1d{outcome="failed"})') == 2
    assert value('sum(touchline:jobs_failed:increase1d{reason="recording"})') == 1
    assert value("touchline:failure_ratio:1d") == pytest.approx(1 / 3)
    assert value('count(ALERTS{alertname="FailureRateHigh", severity="warning", alertstate="firing"})') == 1
    assert not prometheus.ask('ALERTS{alertname="FailureRateHigh", severity="critical"}')
