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

from support.running_airflow import SETTINGS, House, simulate, wait_for
from touchline.catalogue import matches
from touchline_airflow.access.login import password_of
from touchline_deploy.embedded.standalone import start

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.verify
PROGRAMS = ROOT / ".venv-worker" / "bin"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with tempfile.TemporaryDirectory(prefix="touchline-runbooks-") as name:
        nas = Path(name) / "nas"
        with start(Path(name) / "state", nas, nas / "output", port=18480, settings=SETTINGS) as stack:
            yield House(stack, nas, nas / "output", stack.api())


def drop(house: House, name: str, seconds: int) -> float:
    """As the runbook's reader did; returns when."""
    simulate(house.nas.parent / name, seconds, seed=seconds).rename(house.nas / f"{name}.mp4")
    return time.time()


def run_of(house: House, name: str) -> str:
    """The run that the ingest started; one by hand finds its work done."""
    return wait_for(f"the run of {name}", lambda: next(
        (str(run["dag_run_id"]) for run in house.api.runs("process_match")
         if run["dag_run_id"].startswith(f"match__{name}-")), None), 60)


def ops(house: House, *arguments: str) -> str:
    password = house.nas.parent / "password"
    password.write_text(password_of(house.stack.state))
    argv = [PROGRAMS / "touchline-ops", *arguments, "--url", house.stack.api_url, "--password-file", password]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def said_of_registering(house: House) -> list[str]:
    """What `register_recordings` said in the last looks at the mount."""
    dag, step = "ingest_recordings", "register_recordings"
    return [line for run in house.api.runs(dag)[:5] for task in house.api.tasks(dag, run["dag_run_id"])
            if task["task_id"] == step and task["state"] == "success"
            for line in house.api.log(dag, run["dag_run_id"], step, task["try_number"])]


def test_new_match(house: House) -> None:
    dropped = drop(house, "first", 12)
    run_id = run_of(house, "first")
    assert time.time() - dropped < 60, "1. the run starts within a minute"
    assert [run["state"] for run in house.api.runs("ingest_recordings")].count("running") == 1, "2."
    assert house.finish(run_id)["state"] == "success"
    (house.nas / "again.mp4").write_bytes((house.nas / "first.mp4").read_bytes())
    wait_for("5. a duplicate is noted, the log names the match",
             lambda: any("first-" in line and "again" in line for line in said_of_registering(house)), 120)
    assert ops(house, "status").startswith("hold"), "6. the first line says whether it is held"
    by_hand = house.api.trigger("process_match", {"recording": "first.mp4"})["dag_run_id"]
    assert house.finish(by_hand)["state"] == "success"


def test_failed_match(house: House) -> None:
    sidecar = house.nas / "typo.match.toml"
    sidecar.write_text("kits = 1\n")
    drop(house, "typo", 14)
    run_id = run_of(house, "typo")
    assert house.finish(run_id)["state"] == "failed"
    match = next(one for one in matches.every(house.catalogue) if one.match_id.startswith("typo-"))
    failed = next(task for task in house.api.tasks("process_match", run_id) if task["state"] == "failed")
    log = house.api.log("process_match", run_id, failed["task_id"], failed["try_number"], failed["map_index"])
    assert match.reason and match.reason in (house.folder(match.match_id).root / "FAILED.txt").read_text()
    assert any(match.reason in line for line in log[-5:]), log[-5:]
    sidecar.write_text("")
    house.api.clear("process_match", run_id, [failed["task_id"]])
    assert house.finish(run_id)["state"] == "success", "cleared with downstream it goes on"
    assert not (house.folder(match.match_id).root / "FAILED.txt").exists()


def test_slow_nas(house: House) -> None:
    environ = {**os.environ, "NAS_MOUNT_PATH": str(house.nas), "NAS_OUTPUT_PATH": str(house.output)}
    argv = [PROGRAMS / "touchline", "check-nas"]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "read" in done.stdout, done.stdout + done.stderr
    run_id = house.api.trigger("check_nas", {})["dag_run_id"]
    assert house.api.wait_for_run("check_nas", run_id, 200)["state"] == "success"
    assert json.loads(next((house.stack.working_dir / "hosts").glob("*/nas.json")).read_text())


def test_gpu_trouble(house: House) -> None:
    run_id = run_of(house, "first")
    chunk = next(task for task in house.api.tasks("process_match", run_id) if task["task_id"] == "spot_chunk")
    log = house.api.log("process_match", run_id, "spot_chunk", chunk["try_number"], chunk["map_index"])
    assert any("runs on the CPU: USE_GPU=false" in line for line in log), "the log says on what a chunk ran"
    pools = {pool["name"] for pool in house.api.request("GET", "/pools?limit=50")["pools"]}
    assert "gpu" in pools, "Admin → Pools"
