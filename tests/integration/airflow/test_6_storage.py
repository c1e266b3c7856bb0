"""The NAS goes away in the middle of a match, disks are full, the output is read-only: true reasons, and it heals.

Nothing is unmounted for it: another folder, empty or full, is mounted over the one in question for a while. With
TOUCHLINE_RUNTIME=docker the steps run in containers: one that runs keeps its own mount, the next ones are not started.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.footage import put_copy
from support.mounts import TMPFS, fill, mount, mounted, skip_without_mounts
from support.running_airflow import RUNTIME, SETTINGS, RunningAirflow, running_airflow
from support.waiting import wait_for
from touchline.catalogue import matches, recordings, runs


@pytest.fixture(autouse=True)
def _may_mount(tmp_path: Path) -> None:
    skip_without_mounts(tmp_path)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    with mounted(folder, "--bind", folder):
        mount("-o", "remount,ro,bind", folder)
        yield


def drop(airflow: RunningAirflow, footage: Path, name: str, source: str) -> tuple[str, str]:
    """Copy a recording that is like no other to the NAS; returns run id and match id when its run has begun.

    It has a clip, because the coach marked a save.
    """
    (airflow.nas / f"{name}.marks.csv").write_text("time,label\n00:00:04,Save\n")
    run = airflow.run_of(put_copy(footage / source, airflow.nas / f"{name}.mp4").name)
    return run["dag_run_id"], run["conf"]["match_id"]


def reason(airflow: RunningAirflow, run_id: str, part: str) -> Callable[[], str | None]:
    return lambda: next((stage.failure.reason for stage in runs.stages(airflow.catalogue, run_id)
                         if stage.failure and part in stage.failure.reason), None)


def statuses(airflow: RunningAirflow) -> dict[str, tuple[str, str]]:
    return {path: (row.status, str(row.match_id)) for path, row in recordings.every(airflow.catalogue).items()}


def assert_published_and_tidy(airflow: RunningAirflow, run_id: str, match_id: str) -> None:
    assert airflow.finish(run_id)["state"] == "success"
    match = matches.find(airflow.catalogue, match_id)
    assert match and (match.status, match.reason) == ("published", None)
    assert airflow.folder(match_id).manifest.exists() and not airflow.folder(match_id).failure.exists()
    roots = (airflow.files(match_id).root, airflow.folder(match_id).root)
    assert [path for root in roots for path in root.rglob("*") if ".part" in path.name] == []
    assert not (airflow.processes.scratch_dir / "matches" / match_id).exists()


@pytest.mark.verify
@pytest.mark.parametrize("away_sec", [20, 125])
def test_a_match_survives_a_nas_that_goes_away_and_nothing_is_bad(
        airflow: RunningAirflow, footage: Path, tmp_path: Path, away_sec: int) -> None:
    run_id, match_id = drop(airflow, footage, f"away for {away_sec}", "short.mp4")
    wait_for("a chunk at work", lambda: airflow.has_begun(run_id, "spot_chunk"))
    before = statuses(airflow)
    with mounted(airflow.nas, "--bind", tmp_path):
        gone_at = time.monotonic()
        if RUNTIME == "process":  # a container keeps its own mount of the recording, and may not notice
            line = wait_for("a reason", reason(airflow, run_id, "is away"), 100)
            assert f"NAS_MOUNT_PATH ({airflow.nas}) is away or incomplete" in line and "tried again" in line
        time.sleep(max(0.0, gone_at + away_sec - time.monotonic()))
        assert statuses(airflow) == before, "the ingest took files that are away for something else"
        assert list(tmp_path.iterdir()) == [], "something was written under the mount point"
    assert_published_and_tidy(airflow, run_id, match_id)
    tries = {key: task["try_number"] for key, task in airflow.tasks(run_id).items() if task["try_number"] > 1}
    print(f"\n{RUNTIME}, away for {away_sec} s: more than one try: {tries}")
    assert tries or RUNTIME == "docker"
    assert statuses(airflow) == before


@pytest.mark.verify
def test_full_disks_and_a_read_only_output_are_told_one_after_another_and_heal(
        airflow: RunningAirflow, footage: Path) -> None:
    scratch = airflow.processes.scratch_dir
    scratch.mkdir(exist_ok=True)
    with read_only(airflow.output):
        with mounted(scratch, "-o", "size=64m", *TMPFS):
            filler = fill(scratch)
            run_id, match_id = drop(airflow, footage, "full", "short.mp4")
            line = wait_for("the scratch folder's reason", reason(airflow, run_id, "SCRATCH_DIR"))
            filler.unlink()
            assert line.startswith("waiting for space: ") and f"in SCRATCH_DIR ({scratch}), which has 0 MB left" in line
            line = wait_for("the output's reason", reason(airflow, run_id, "NAS_OUTPUT_PATH"))
        assert f"NAS_OUTPUT_PATH ({airflow.output}) is read-only (" in line
    assert_published_and_tidy(airflow, run_id, match_id)


@pytest.mark.verify
@pytest.mark.parametrize("step", ["open_match", "spot-chunk", "publish"])
def test_a_working_dir_that_is_full_with_its_catalogue_is_told_and_heals(
        footage: Path, tmp_path: Path, step: str) -> None:
    """The disk stays full for a minute, from the moment that the step works (open_match: that the run starts)."""
    work = tmp_path / "state" / "work"
    work.mkdir(parents=True)
    with mounted(work, "-o", "size=64m", *TMPFS), running_airflow(tmp_path, SETTINGS) as airflow:
        run_id, match_id = drop(airflow, footage, "full disk", "short.mp4")
        if step != "open_match":
            wait_for(step, lambda: [argv for _, argv in airflow.steps_running() if step in argv])
        filler = fill(work)
        time.sleep(60)
        failed = [task for task in airflow.tasks(run_id).values() if task["state"] in ("up_for_retry", "failed")]
        lines = [line for task in failed for line in
                 airflow.api.log("process_match", run_id, task["task_id"], task["try_number"], task["map_index"])]
        filler.unlink()
        assert not failed or any(f"WORKING_DIR ({work}) is full: 0 MB free" in line for line in lines), lines[-6:]
        assert_published_and_tidy(airflow, run_id, match_id)
