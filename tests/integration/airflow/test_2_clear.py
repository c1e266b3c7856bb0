"""Clear one mapped task of a finished run: only it and what lies downstream runs, and what is published stays."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from support.running_airflow import RunningAirflow
from touchline.results.result import read_result

DOWNSTREAM = {"merge_actions", "plan_reels", "render_reel", "publish", "close_match"}


def match_of(airflow: RunningAirflow, run_id: str) -> str:
    return str(airflow.api.run("process_match", run_id)["conf"]["match_id"])


def published_files(airflow: RunningAirflow, match_id: str) -> dict[str, str]:
    root = airflow.folder(match_id).root
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(root.rglob("*")) if path.is_file()}


def clear_one_chunk(airflow: RunningAirflow, run_id: str, index: int) -> set[tuple[str, int]]:
    """Clear spot_chunk[index] with what lies downstream; returns the task instances that ran again."""
    before = airflow.tasks(run_id)
    airflow.api.clear("process_match", run_id, [["spot_chunk", index]])
    assert airflow.finish(run_id)["state"] == "success"
    after = airflow.tasks(run_id)
    assert set(after) == set(before)
    return {key for key in after if _attempt(after[key]) != _attempt(before[key])}


def _attempt(task: dict[str, Any]) -> tuple[Any, Any]:
    return task["try_number"], task["start_date"]


def test_only_the_cleared_chunk_and_what_lies_downstream_runs(airflow: RunningAirflow, published: str) -> None:
    match_id = match_of(airflow, published)
    before = published_files(airflow, match_id)
    again = clear_one_chunk(airflow, published, 1)
    assert [index for name, index in again if name == "spot_chunk"] == [1]
    assert {name for name, _ in again} == DOWNSTREAM | {"spot_chunk"}
    assert published_files(airflow, match_id) == before


@pytest.mark.parametrize("damage", [
    "cut", pytest.param("changed", marks=pytest.mark.verify), pytest.param("removed", marks=pytest.mark.verify)])
def test_a_damaged_result_is_computed_again_and_the_published_files_are_the_same(
        airflow: RunningAirflow, published: str, damage: str) -> None:
    match_id = match_of(airflow, published)
    before = published_files(airflow, match_id)
    result = airflow.files(match_id).spottings("chunk-0001")
    whole = result.read_bytes()
    _damage(result, damage)
    assert clear_one_chunk(airflow, published, 1) >= {("spot_chunk", 1)}
    assert result.read_bytes() == whole
    assert read_result(result).digest
    assert published_files(airflow, match_id) == before


def _damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "removed":
        path.unlink()
    else:
        path.write_bytes(content[:len(content) // 2] if how == "cut" else content.replace(b"0.", b"1.", 1))


def test_a_whole_result_is_reused_and_a_forced_one_is_computed_anew(airflow: RunningAirflow, published: str) -> None:
    match_id = match_of(airflow, published)
    result = airflow.files(match_id).spottings("chunk-0000")
    written = result.stat().st_mtime_ns
    clear_one_chunk(airflow, published, 0)
    assert result.stat().st_mtime_ns == written
    airflow.api.set_variable("touchline_force", match_id)
    try:
        clear_one_chunk(airflow, published, 0)
    finally:
        airflow.api.set_variable("touchline_force", "")
    assert result.stat().st_mtime_ns > written
