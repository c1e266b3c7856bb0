"""Runs, stage times, actions and reels are what was noted last."""

from __future__ import annotations

import pytest

from touchline.catalogue import actions, matches, reels, runs
from touchline.catalogue.connection import writing
from touchline.catalogue.runs import StageTime
from touchline.catalogue.schema import runs as table

MATCH = "cup-final-0123456789ab"


@pytest.fixture
def url(empty: str) -> str:
    matches.register(empty, MATCH, "f" * 64, "/nas/a.mp4")
    runs.begin(empty, "run-1", MATCH)
    return empty


def test_a_stage_that_healed_has_no_reason_any_more(url: str) -> None:
    runs.note_stage(url, "run-1", StageTime("scan", "", 5, done=False, reason="the NAS was away"))
    runs.note_stage(url, "run-1", StageTime("scan", "", 9, done=True, stats={"fps": 12.5}))
    assert runs.stages(url, "run-1") == [StageTime("scan", "", 9, done=True, stats={"fps": 12.5}, spent_ms=14)]


def test_parts_of_a_stage_stand_side_by_side(url: str) -> None:
    for part in ("chunk-0001", "chunk-0000"):
        runs.note_stage(url, "run-1", StageTime("spot_chunk", part, 5, done=True))
    assert [stage.part for stage in runs.stages(url, "run-1")] == ["chunk-0000", "chunk-0001"]


def test_a_stage_of_a_run_that_never_began_is_not_kept(url: str) -> None:
    runs.note_stage(url, "run-9", StageTime("scan", "", 5, done=True))
    assert runs.stages(url, "run-9") == []


def test_a_run_that_begins_again_is_running_without_reason(url: str) -> None:
    runs.end(url, "run-1", "failed", "no scratch space")
    runs.begin(url, "run-1", MATCH)
    [run] = runs.of_match(url, MATCH)
    assert (run["status"], run["reason"], run["ended_at_ms"]) == ("running", None, None)


def test_actions_and_reels_are_replaced_as_a_whole(url: str) -> None:
    goal = {"match_ms": 5, "half": 1, "position_ms": 5, "label": "Goal", "confidence": 0.5, "source": "model"}
    actions.replace(url, MATCH, [goal, {**goal, "match_ms": 9}])
    actions.replace(url, MATCH, [goal])
    assert actions.of_match(url, MATCH) == [goal]
    reels.replace(url, MATCH, [{"name": "keeper", "clips": [], "frames": 0, "duration_ms": 0, "sha256": None,
                                "size_bytes": 0}])
    assert [(reel["name"], reel["clips"]) for reel in reels.of_match(url, MATCH)] == [("keeper", 0)]


def test_old_runs_are_forgotten_but_for_the_last_of_a_match(url: str) -> None:
    moment = 1_000
    for number, status in ((2, "failed"), (3, "running"), (4, "published")):
        runs.begin(url, f"run-{number}", MATCH)
        runs.note_stage(url, f"run-{number}", StageTime("scan", "", 5, done=True))
        if status != "running":
            runs.end(url, f"run-{number}", status)
    with writing(url) as connection:
        for number, row in enumerate(runs.of_match(url, MATCH)):
            connection.execute(table.update().where(table.c.run_id == row["run_id"]).values(
                started_at_ms=number, ended_at_ms=None if row["status"] == "running" else moment))
    assert runs.forget_old(url, moment) == 0
    assert runs.forget_old(url, moment + 1) == 1
    assert [row["run_id"] for row in runs.of_match(url, MATCH)] == ["run-1", "run-3", "run-4"]
    assert runs.stages(url, "run-2") == [] and len(runs.stages(url, "run-4")) == 1
