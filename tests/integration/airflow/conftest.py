"""One real Airflow with real steps for all tests of this folder, and small simulated matches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.footage import ffmpeg, simulate
from support.mail_sink import MailSink
from support.running_airflow import SETTINGS, RunningAirflow, running_airflow
from support.services import free_port
from support.statsd_wire import Totals


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with `long.mp4` (three chunks), `other.mp4` (three other chunks), `short.mp4` and `black.mp4`."""
    folder = tmp_path_factory.mktemp("footage")
    for name, seconds, seed in (("long", 26, 3), ("other", 26, 4), ("short", 8, 5)):
        simulate(folder / name, seconds, seed).rename(folder / f"{name}.mp4")
    ffmpeg("-f", "lavfi", "-i", "color=black:size=320x180:rate=10:duration=300", "-c:v", "libx264", "-preset",
           "ultrafast", "-pix_fmt", "yuv420p", folder / "black.mp4")
    return folder


@pytest.fixture(scope="session")
def mail_sink() -> Iterator[MailSink]:
    """The mail server that Airflow sends its mails to."""
    with MailSink(free_port("127.0.0.1")) as sink:
        yield sink


@pytest.fixture(scope="session")
def statsd() -> Iterator[Totals]:
    """Where Airflow sends its metrics."""
    totals = Totals()
    yield totals
    totals.close()


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory, mail_sink: MailSink, statsd: Totals) -> Iterator[RunningAirflow]:
    """A running Airflow; when it is stopped, nothing of it runs any more."""
    folder = tmp_path_factory.mktemp("airflow")
    mail = {"AIRFLOW_CONN_SMTP_DEFAULT": mail_sink.connection, "MAIL_OPERATOR": "operator@club.invalid"}
    rates = {"COST_PER_GPU_HOUR": "2", "COST_PER_CPU_HOUR": "0.1"}
    with running_airflow(folder, {**SETTINGS, **mail, **rates, **statsd.environment}) as airflow:
        yield airflow
    assert airflow.steps_running() == []
    assert [pid for pid in airflow.processes.pids().values() if Path(f"/proc/{pid}").exists()] == []


@pytest.fixture(scope="session")
def published(airflow: RunningAirflow, footage: Path) -> str:
    """Run id of a match that was published: `long.mp4` under the name `first.mp4`."""
    target = airflow.nas / "first.mp4"
    if not target.exists():
        partial = target.with_suffix(".mp4.part")
        partial.write_bytes((footage / "long.mp4").read_bytes())
        partial.rename(target)
    run_id = str(airflow.run_of("first.mp4")["dag_run_id"])
    assert airflow.finish(run_id)["state"] == "success"
    return run_id
