"""A slow NAS: the check of every hour says so, the recording is copied beside scan, and what follows reads the copy."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from support.footage import put_copy
from support.mounts import mounted, skip_without_mounts
from support.running_airflow import RunningAirflow
from support.waiting import wait_for
from touchline.catalogue import matches
from touchline.domain.layout import HostFiles, ScratchFiles

HOST = socket.gethostname()


@pytest.fixture
def figures(airflow: RunningAirflow) -> Path:
    """The file with the figures of this machine, once `check_nas` has written it."""
    path = HostFiles(airflow.working_dir, HOST).nas
    wait_for("the first check of the NAS", path.exists)
    wait_for("its end", lambda: airflow.api.runs("check_nas")[0]["state"] in ("success", "failed"))
    return path


def task(airflow: RunningAirflow, run_id: str, name: str) -> dict[str, Any] | None:
    return next((task for (task_id, _), task in airflow.tasks(run_id).items() if task_id == name), None)


def has_ended(airflow: RunningAirflow, run_id: str, name: str) -> bool:
    found = task(airflow, run_id, name)
    return bool(found and found["state"] in ("success", "failed", "up_for_retry"))


def test_the_hourly_check_keeps_its_figures(airflow: RunningAirflow, figures: Path) -> None:
    [run] = airflow.api.runs("check_nas")
    assert run["state"] == "success", "a NAS on the root file system is a warning"
    found = json.loads(figures.read_text())
    assert found["host"] == HOST and found["state"] == "warn"
    assert found["figures"]["write_mb_s"] > 0
    lines = airflow.api.log("check_nas", run["dag_run_id"], "check_nas", 1, -1)
    assert any("NAS_MOUNT_PATH" in line and "lies on the root file system" in line for line in lines), lines


def test_a_slow_nas_is_read_beside_scan_and_not_again(airflow: RunningAirflow, footage: Path, figures: Path,
                                                      tmp_path: Path) -> None:
    skip_without_mounts(tmp_path)
    airflow.api.request("PATCH", "/dags/check_nas", {"is_paused": True})  # a run of its own would measure again
    wait_for("check_nas to be idle", lambda: all(run["state"] in ("success", "failed")
                                                 for run in airflow.api.runs("check_nas")))
    measured = json.loads(figures.read_text())
    measured["figures"]["read_mb_s"] = 23.4
    measured["measured_at_ms"] = round(time.time() * 1000)
    figures.write_text(json.dumps(measured))
    (airflow.nas / "far.marks.csv").write_text("time,label\n00:00:04,Save\n")
    target = put_copy(footage / "short.mp4", airflow.nas / "far.mp4")
    run = airflow.run_of("far.mp4")
    run_id, match_id = run["dag_run_id"], run["conf"]["match_id"]
    scratch = ScratchFiles(airflow.processes.scratch_dir, match_id)

    wait_for("the scan", lambda: has_ended(airflow, run_id, "scan"))
    lines = airflow.api.log("process_match", run_id, "scan", 1, -1)
    assert any("The NAS reads 23 MB/s, below PREFETCH_BELOW_MB_S=50: copying the recording to SCRATCH_DIR" in line
               for line in lines), lines
    empty = tmp_path / "empty"
    empty.mkdir()
    with mounted(airflow.nas, "--bind", empty):
        copies = [copy.read_bytes() for copy in scratch.root.glob("recordings/*")]
        match = matches.find(airflow.catalogue, match_id)
        wait_for("a chunk", lambda: has_ended(airflow, run_id, "spot_chunk"))
        chunk = task(airflow, run_id, "spot_chunk")
    assert copies == [target.read_bytes()], f"one copy, whole: {lines}"
    assert match and match.prefetched_on == HOST
    assert chunk and (chunk["state"], chunk["try_number"]) == ("success", 1), "it read the NAS"

    assert airflow.finish(run_id)["state"] == "success"
    closed = matches.find(airflow.catalogue, match_id)
    assert closed and (closed.status, closed.prefetched_on) == ("published", None)
    assert not scratch.root.exists()
    reel = json.loads((airflow.folder(match_id).root / "reels" / "highlights.json").read_text())
    assert "scratch" not in json.dumps(reel), "where it was read from is no part of a result"
