"""A NAS that gives errors, or does not answer, for two minutes in the middle of a match: it is published in the end.

The NAS is a FUSE file system that misbehaves on demand; a container's bind mount of a recording lies on it too. With
TOUCHLINE_RUNTIME=docker the steps run in containers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.nas_place import UnwellNas, unwell_nas
from support.footage import put_copy
from support.running_airflow import RUNTIME, SETTINGS, RunningAirflow, running_airflow
from support.waiting import wait_for
from touchline.catalogue import matches, recordings, runs

AWAY_SEC = 125
pytestmark = pytest.mark.verify


@pytest.fixture(scope="module")
def nas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnwellNas]:
    folder = tmp_path_factory.mktemp("unwell")
    (folder / "source").mkdir()
    with unwell_nas(folder / "source", folder / "nas") as running:
        yield running


@pytest.fixture(scope="module")
def airflow(nas: UnwellNas) -> Iterator[RunningAirflow]:
    output = nas.folder.with_name("output")
    output.mkdir()
    with running_airflow(nas.folder.parent, SETTINGS, nas=nas.folder, output=output) as airflow:
        yield airflow


@pytest.mark.parametrize("state", ["error ESTALE", "error EIO", "hang"])
def test_a_match_outlives_a_nas_that_is_unwell(
        airflow: RunningAirflow, nas: UnwellNas, footage: Path, state: str) -> None:
    name = f"{state}.mp4"
    put_copy(footage / "short.mp4", nas.folder.with_name("source") / name)
    run = airflow.run_of(name)
    run_id, match_id = run["dag_run_id"], run["conf"]["match_id"]
    wait_for("a chunk at work", lambda: airflow.has_begun(run_id, "spot_chunk"))
    before = {path: row.status for path, row in recordings.every(airflow.catalogue).items()}
    began = time.monotonic()
    nas.turn(state)
    time.sleep(AWAY_SEC)
    nas.turn("well")
    during = {path: row.status for path, row in recordings.every(airflow.catalogue).items()}
    assert during == before, "the ingest took files that cannot be read for something else"
    assert airflow.finish(run_id, 600)["state"] == "success"
    tries = {key: task["try_number"] for key, task in airflow.tasks(run_id).items() if task["try_number"] > 1}
    reasons = sorted({stage.failure.reason for stage in runs.stages(airflow.catalogue, run_id) if stage.failure})
    print(f"\n{RUNTIME}, {state} for {AWAY_SEC} s: published {time.monotonic() - began - AWAY_SEC:.0f} s after; more "
          f"than one try: {tries}; {reasons}")
    match = matches.find(airflow.catalogue, match_id)
    assert match and (match.status, match.reason) == ("published", None)
    assert [path for path, row in recordings.every(airflow.catalogue).items() if row.status == "bad"] == []
    assert not list(airflow.output.rglob("FAILED.txt")) and not list(airflow.output.rglob("*.part*"))
