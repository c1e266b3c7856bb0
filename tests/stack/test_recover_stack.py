"""The lines of recover.md and upgrade.md for the stack, walked through on a real one."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.compose_stack import ComposeStack, compose_stack, publish_a_match, skip_without_engine, stack_script
from support.contents import contents
from touchline_airflow.checkout import ROOT
from touchline_deploy.stack.stack import Compose

pytestmark = pytest.mark.verify
AIRFLOW_PARTS = ("api-server", "scheduler", "dag-processor", "triggerer", "worker", "chunk-worker", "flower", "sampler")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeStack]:
    skip_without_engine()
    with compose_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture(scope="module")
def folder(stack: ComposeStack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a match that was published."""
    run, folder = publish_a_match(stack, tmp_path_factory.mktemp("match"))
    assert run["state"] == "success"
    return folder


def in_worker(stack: ComposeStack, *arguments: str) -> str:
    """As the how-tos say: `compose run --rm --no-deps --entrypoint python worker …`."""
    return Compose(stack.env_file, stack.env).run("run", "--rm", "--no-deps", "--entrypoint", "python", "worker",
                                                  *arguments)


def upgrade(stack: ComposeStack, step: str) -> None:
    """`.venv/bin/touchline-ops upgrade <step> API` on the host, as the how-to says."""
    subprocess.run([".venv/bin/python", "-m", "touchline_airflow.cli", "upgrade", step, "--url", stack.url,
                    "--password-file", str(stack.path("SECRETS_DIR") / "admin_password")], check=True, cwd=ROOT,
                   env={**os.environ, "BACKUP_DIR": stack.env["BACKUP_DIR"]})


def ended_runs(stack: ComposeStack) -> set[tuple[str, str]]:
    return {(run["dag_run_id"], run["state"]) for run in stack.api().runs("process_match")}


def test_all_is_lost_and_comes_back(stack: ComposeStack, folder: Path) -> None:
    api, published, runs = stack.api(), contents(folder), ended_runs(stack)
    made = api.trigger("backup", {"try_restore": True}, "before-the-loss")
    assert api.wait_for_run("backup", made["dag_run_id"], 600)["state"] == "success"
    compose = Compose(stack.env_file, stack.env)
    compose.run("down")
    subprocess.run(["docker", "volume", "rm", f"{stack.project}_postgres", f"{stack.project}_redis"], check=True)
    for one in stack.path("WORKING_DIR").iterdir():
        shutil.rmtree(one) if one.is_dir() else one.unlink()

    started = time.monotonic()
    compose.run("run", "--rm", "init")
    in_worker(stack, "-m", "touchline_airflow.cli", "backup", "restore", "--replace")
    print(f"\nrestored after {time.monotonic() - started:.0f} s")
    assert stack_script("up", stack.env_file).returncode == 0
    print(f"healthy after {time.monotonic() - started:.0f} s")

    assert ended_runs(stack) == runs
    assert contents(folder) == published
    assert stack.path("WORKING_DIR").joinpath("matches", folder.name).is_dir()


def test_an_upgrade_drains_runs_and_resumes(stack: ComposeStack, folder: Path) -> None:
    published, runs = contents(folder), ended_runs(stack)
    started = time.monotonic()
    upgrade(stack, "drain")
    assert all(dag["is_paused"] for dag in stack.api().dags())
    Compose(stack.env_file, stack.env).run("stop", *AIRFLOW_PARTS)
    print(f"\ndrained and stopped after {time.monotonic() - started:.0f} s")
    print(in_worker(stack, "-m", "touchline_airflow.cli", "upgrade", "run"))
    print(f"migrated and checked after {time.monotonic() - started:.0f} s")
    assert stack_script("up", stack.env_file).returncode == 0
    upgrade(stack, "resume")
    print(f"works again after {time.monotonic() - started:.0f} s")
    assert not any(dag["is_paused"] for dag in stack.api().dags())
    assert (ended_runs(stack), contents(folder)) == (runs, published)
