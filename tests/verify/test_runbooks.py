"""The four named runbooks, walked through on a running Airflow as they are written: what they promise happens."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.footage import simulate
from support.running_airflow import SETTINGS, RunningAirflow, running_airflow
from support.waiting import wait_for
from touchline.catalogue import matches
from touchline_airflow.access.login import password_of

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.verify
PROGRAMS = ROOT / ".venv-worker" / "bin"


@pytest.fixture(scope="module")
def airflow() -> Iterator[RunningAirflow]:
    with (tempfile.TemporaryDirectory(prefix="touchline-runbooks-") as name,
          running_airflow(Path(name), SETTINGS) as airflow):
        yield airflow


def drop(airflow: RunningAirflow, name: str, seconds: int) -> float:
    """As the runbook's reader did; returns when."""
    simulate(airflow.nas.parent / name, seconds, seed=seconds).rename(airflow.nas / f"{name}.mp4")
    return time.time()


def run_of(airflow: RunningAirflow, name: str) -> str:
    return str(airflow.run_of(f"{name}.mp4", 60)["dag_run_id"])


def ops(airflow: RunningAirflow, *arguments: str) -> str:
    password = airflow.nas.parent / "password"
    password.write_text(password_of(airflow.processes.state))
    argv = [PROGRAMS / "touchline-ops", *arguments, "--url", airflow.processes.api_url, "--password-file", password]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def said_of_registering(airflow: RunningAirflow) -> list[str]:
    """What `register_recordings` said in the last looks at the mount."""
    dag, step = "ingest_recordings", "register_recordings"
    return [line for run in airflow.api.runs(dag)[:5] for task in airflow.api.tasks(dag, run["dag_run_id"])
            if task["task_id"] == step and task["state"] == "success"
            for line in airflow.api.log(dag, run["dag_run_id"], step, task["try_number"])]


def test_new_match(airflow: RunningAirflow) -> None:
    dropped = drop(airflow, "first", 12)
    run_id = run_of(airflow, "first")
    assert time.time() - dropped < 60, "1. the run starts within a minute"
    assert [run["state"] for run in airflow.api.runs("ingest_recordings")].count("running") == 1, "2."
    assert airflow.finish(run_id)["state"] == "success"
    (airflow.nas / "again.mp4").write_bytes((airflow.nas / "first.mp4").read_bytes())
    wait_for("5. a duplicate is noted, the log names the match",
             lambda: any("first-" in line and "again" in line for line in said_of_registering(airflow)), 120)
    assert ops(airflow, "status").startswith("hold"), "6. the first line says whether it is held"
    by_hand = airflow.api.trigger("process_match", {"recording": "first.mp4"})["dag_run_id"]
    assert airflow.finish(by_hand)["state"] == "success"


def test_failed_match(airflow: RunningAirflow) -> None:
    sidecar = airflow.nas / "typo.match.toml"
    sidecar.write_text("kits = 1\n")
    drop(airflow, "typo", 14)
    run_id = run_of(airflow, "typo")
    assert airflow.finish(run_id)["state"] == "failed"
    match = next(one for one in matches.every(airflow.catalogue) if one.match_id.startswith("typo-"))
    failed = next(task for task in airflow.api.tasks("process_match", run_id) if task["state"] == "failed")
    log = airflow.api.log("process_match", run_id, failed["task_id"], failed["try_number"], failed["map_index"])
    assert match.reason and match.reason in (airflow.folder(match.match_id).root / "FAILED.txt").read_text()
    assert any(match.reason in line for line in log[-5:]), log[-5:]
    sidecar.write_text("")
    airflow.api.clear("process_match", run_id, [failed["task_id"]])
    assert airflow.finish(run_id)["state"] == "success", "cleared with downstream it goes on"
    assert not (airflow.folder(match.match_id).root / "FAILED.txt").exists()


def test_slow_nas(airflow: RunningAirflow) -> None:
    environ = {**os.environ, "NAS_MOUNT_PATH": str(airflow.nas), "NAS_OUTPUT_PATH": str(airflow.output)}
    argv = [PROGRAMS / "touchline", "check-nas"]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "read" in done.stdout, done.stdout + done.stderr
    run_id = airflow.api.trigger("check_nas", {})["dag_run_id"]
    assert airflow.api.wait_for_run("check_nas", run_id, 200)["state"] == "success"
    assert json.loads(next((airflow.working_dir / "hosts").glob("*/nas.json")).read_text())


def test_gpu_trouble(airflow: RunningAirflow) -> None:
    run_id = run_of(airflow, "first")
    chunk = next(task for task in airflow.api.tasks("process_match", run_id) if task["task_id"] == "spot_chunk")
    log = airflow.api.log("process_match", run_id, "spot_chunk", chunk["try_number"], chunk["map_index"])
    assert any("runs on the CPU: USE_GPU=false" in line for line in log), "the log says on what a chunk ran"
    pools = {pool["name"] for pool in airflow.api.request("GET", "/pools?limit=50")["pools"]}
    assert "gpu" in pools, "Admin → Pools"
