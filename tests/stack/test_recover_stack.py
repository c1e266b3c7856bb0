"""The lines of recover.md and upgrade.md for the stack, walked through on a real one."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.compose_stack import StackHouse, publish_a_match, skip_without_engine, stack_house, stack_script
from touchline_airflow.checkout import ROOT
from touchline_deploy.stack.stack import Compose

pytestmark = pytest.mark.verify
AIRFLOW_PARTS = ("api-server", "scheduler", "dag-processor", "triggerer", "worker", "chunk-worker", "flower", "sampler")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackHouse]:
    skip_without_engine()
    with stack_house(tmp_path_factory.mktemp("stack")) as house:
        yield house


@pytest.fixture(scope="module")
def folder(house: StackHouse, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a match that was published."""
    run, folder = publish_a_match(house, tmp_path_factory.mktemp("match"))
    assert run["state"] == "success"
    return folder


def in_worker(house: StackHouse, *arguments: str) -> str:
    """As the how-tos say: `compose run --rm --no-deps --entrypoint python worker …`."""
    return Compose(house.env_file, house.env).run("run", "--rm", "--no-deps", "--entrypoint", "python", "worker",
                                                  *arguments)


def upgrade(house: StackHouse, step: str) -> None:
    """`.venv/bin/touchline-ops upgrade <step> API` on the host, as the how-to says."""
    subprocess.run([".venv/bin/python", "-m", "touchline_airflow.cli", "upgrade", step, "--url", house.url,
                    "--password-file", str(house.path("SECRETS_DIR") / "admin_password")], check=True, cwd=ROOT,
                   env={**os.environ, "BACKUP_DIR": house.env["BACKUP_DIR"]})


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    return {str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            for path in folder.rglob("*") if path.is_file()}


def ended_runs(house: StackHouse) -> set[tuple[str, str]]:
    return {(run["dag_run_id"], run["state"]) for run in house.api().runs("process_match")}


def test_all_is_lost_and_comes_back(house: StackHouse, folder: Path) -> None:
    api, published, runs = house.api(), contents(folder), ended_runs(house)
    made = api.trigger("backup", {"try_restore": True}, "before-the-loss")
    assert api.wait_for_run("backup", made["dag_run_id"], 600)["state"] == "success"
    compose = Compose(house.env_file, house.env)
    compose.run("down")
    subprocess.run(["docker", "volume", "rm", f"{house.project}_postgres", f"{house.project}_redis"], check=True)
    for one in house.path("WORKING_DIR").iterdir():
        shutil.rmtree(one) if one.is_dir() else one.unlink()

    started = time.monotonic()
    compose.run("run", "--rm", "init")
    in_worker(house, "-m", "touchline_airflow.cli", "backup", "restore", "--replace")
    print(f"\nrestored after {time.monotonic() - started:.0f} s")
    assert stack_script("up", house.env_file).returncode == 0
    print(f"healthy after {time.monotonic() - started:.0f} s")

    assert ended_runs(house) == runs
    assert contents(folder) == published
    assert house.path("WORKING_DIR").joinpath("matches", folder.name).is_dir()


def test_an_upgrade_drains_runs_and_resumes(house: StackHouse, folder: Path) -> None:
    published, runs = contents(folder), ended_runs(house)
    started = time.monotonic()
    upgrade(house, "drain")
    assert all(dag["is_paused"] for dag in house.api().dags())
    Compose(house.env_file, house.env).run("stop", *AIRFLOW_PARTS)
    print(f"\ndrained and stopped after {time.monotonic() - started:.0f} s")
    print(in_worker(house, "-m", "touchline_airflow.cli", "upgrade", "run"))
    print(f"migrated and checked after {time.monotonic() - started:.0f} s")
    assert stack_script("up", house.env_file).returncode == 0
    upgrade(house, "resume")
    print(f"works again after {time.monotonic() - started:.0f} s")
    assert not any(dag["is_paused"] for dag in house.api().dags())
    assert (ended_runs(house), contents(folder)) == (runs, published)
