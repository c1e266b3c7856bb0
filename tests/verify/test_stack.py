"""Three matches dropped at once on the full stack: both hosts work, and the files are those of the embedded default."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.footage import frames, simulate
from support.full_stack import HOSTS, FullStack, full_stack, missing_for_the_stack
from support.running_airflow import SETTINGS, RunningAirflow, running_airflow
from support.waiting import wait_for
from touchline_airflow.access.rest import AirflowApi, ApiError

pytestmark = pytest.mark.verify
MATCHES = 3
UP_TO_SEC = 900
TIDY_SEC = 180


@dataclass
class Seen:
    """What was seen of the three matches; their files stay after the stack has ended."""

    nas: Path
    output: Path
    work: Path
    tasks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    workers: set[str] = field(default_factory=set)
    flower: tuple[int, int, int] = (0, 0, 0)
    strangers: list[int] = field(default_factory=list)
    scratch: list[Path] = field(default_factory=list)
    containers: str = ""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Drop, wait, look, and let the stack end."""
    if missing := missing_for_the_stack():
        assert os.environ.get("TOUCHLINE_ENGINE") != "required", missing
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("stack")
    footage = [simulate(folder / f"footage-{seed}", 26, seed) for seed in range(3, 3 + MATCHES)]
    with full_stack(folder, {**SETTINGS, "TOUCHLINE_RUNTIME": "docker", "TIDY_EVERY_SEC": "20"}) as stack:
        found = watch(stack, footage)
    stack.nas.joinpath("output").rename(found.output)  # its reels are no recordings for the next Airflow
    return found


def watch(stack: FullStack, footage: list[Path]) -> Seen:
    found = Seen(stack.nas, stack.nas.with_name("published"), stack.working_dir)
    runs = drop(stack, footage)
    found.tasks = {run_id: stack.api.tasks("process_match", run_id) for run_id in runs}
    found.workers = stack.flower.workers()
    password = stack.flower.password
    found.flower = (stack.flower.status(), stack.flower.status(f"not {password}"), stack.flower.status(password))
    found.strangers = [refusal(AirflowApi(stack.processes.api_url, "admin", wrong)) for wrong in ("", "wrong")]
    found.scratch = scratch_after_tidy(stack)
    found.containers = "".join(stack.docker("ps", "--all", "--quiet", host=host) for host in stack.hosts)
    return found


def scratch_after_tidy(stack: FullStack) -> list[Path]:
    """What lies in the scratch folders still: each machine's own `tidy_host` empties those of ended runs."""
    def left() -> list[Path]:
        return [path for host in stack.hosts.values() for path in (host.scratch_dir / "matches").glob("*")]

    with contextlib.suppress(AssertionError):
        wait_for("empty scratch folders", lambda: not left(), TIDY_SEC)
    return left()


def drop(airflow: RunningAirflow, footage: list[Path]) -> list[str]:
    """Put the recordings there at once; returns the runs when all have ended well."""
    names = [f"match {number}.mp4" for number in range(1, len(footage) + 1)]
    for name, source in zip(names, footage, strict=True):
        (airflow.nas / name).hardlink_to(source)
    runs = [str(airflow.run_of(name, UP_TO_SEC)["dag_run_id"]) for name in names]
    for run_id in runs:
        assert airflow.finish(run_id, UP_TO_SEC)["state"] == "success", run_id
    return runs


def refusal(api: AirflowApi) -> int:
    try:
        api.dags()
    except ApiError as error:
        return error.status
    return 200


@pytest.fixture(scope="module")
def embedded(seen: Seen, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAirflow]:
    """The embedded default, SQLite and the LocalExecutor and no containers, on the same recordings."""
    folder = tmp_path_factory.mktemp("embedded")
    sources = [Path(shutil.move(path, folder)) for path in sorted(seen.nas.glob("*.mp4"))]
    with running_airflow(folder, {**SETTINGS, "TOUCHLINE_RUNTIME": "process"}, nas=seen.nas) as airflow:
        drop(airflow, sources)
        yield airflow


def test_both_hosts_worked(seen: Seen) -> None:
    tasks = [task for of_run in seen.tasks.values() for task in of_run]
    print({(task["task_id"], task["queue"], task["hostname"]) for task in tasks})
    assert {task["hostname"] for task in tasks if task["queue"] == "gpu"} == set(HOSTS)
    assert {task["hostname"] for task in tasks if task["queue"] == "default"} == {HOSTS[0]}
    assert {task["queue"] for task in tasks if task["task_id"] == "spot_chunk"} == {"gpu"}
    assert {task["queue"] for task in tasks if task["task_id"] == "render_reel"} == {"render"}
    assert {task["try_number"] for task in tasks} == {1}


def test_chunks_of_both_hosts_ran_at_once(seen: Seen) -> None:
    chunks = {host: [(task["start_date"], task["end_date"]) for of_run in seen.tasks.values() for task in of_run
                     if task["task_id"] == "spot_chunk" and task["hostname"] == host] for host in HOSTS}
    assert any(one[0] < two[1] and two[0] < one[1] for one in chunks[HOSTS[0]] for two in chunks[HOSTS[1]])


def test_flower_and_airflow_want_a_password(seen: Seen) -> None:
    assert seen.flower == (401, 401, 200)
    assert seen.workers == {f"{kind}@{host}" for host in HOSTS for kind in ("light", "chunks")}
    assert set(seen.strangers) <= {400, 401}


def test_nothing_is_left_on_the_hosts(seen: Seen) -> None:
    assert seen.scratch == []
    assert seen.containers == ""


def test_the_files_are_those_of_the_embedded_default(seen: Seen, embedded: RunningAirflow) -> None:
    ours, theirs = seen.work / "matches", embedded.working_dir / "matches"
    names = sorted(str(path.relative_to(ours)) for path in ours.glob("*/**/*.json") if ".stats." not in path.name)
    assert len({Path(name).parts[0] for name in names}) == MATCHES
    assert [name for name in names if (ours / name).read_bytes() != (theirs / name).read_bytes()] == []


def test_the_published_reels_have_the_same_frames(seen: Seen, embedded: RunningAirflow) -> None:
    output = embedded.output
    reels = sorted(path.relative_to(output) for path in output.glob("*/reels/*.mp4"))
    assert reels, "matches without clips would show nothing"
    for reel in reels:
        assert frames(seen.output / reel) == frames(output / reel)
    for actions in output.glob("*/actions.json"):
        assert (seen.output / actions.relative_to(output)).read_bytes() == actions.read_bytes()
