"""Runs, stage times, actions and reels are what was noted last."""

from __future__ import annotations

import pytest

from touchline.catalogue import actions, matches, reels, runs
from touchline.catalogue.connection import writing
from touchline.catalogue.runs import StageTime
from touchline.catalogue.schema import runs as table
from touchline.errors import INFRASTRUCTURE, STORAGE, Failure

MATCH = "cup-final-0123456789ab"


@pytest.fixture
def url(empty: str) -> str:
    matches.register(empty, MATCH, "f" * 64, "/nas/a.mp4")
    runs.begin(empty, "run-1", MATCH)
    return empty


def test_a_stage_that_healed_has_no_reason_any_more(url: str) -> None:
    runs.note_stage(url, "run-1", StageTime("scan", "", 5, done=False, failure=Failure(STORAGE, "away")))
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
    runs.end(url, "run-1", Failure(INFRASTRUCTURE, "no scratch space"))
    runs.begin(url, "run-1", MATCH)
    [run] = runs.of_match(url, MATCH)
    assert (run["status"], run["reason"]) == ("running", None)
    assert runs.ended_since(url, 0) == []


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The catalogue's clock, in ms: change its only entry."""
    moment = [1_000]
    monkeypatch.setattr(runs, "now_ms", lambda: moment[0])
    return moment


def row(url: str) -> dict[str, object]:
    [found] = runs.of_match(url, MATCH)
    return found


@pytest.fixture
def ended(empty: str, clock: list[int]) -> str:
    """A run that worked from 1,000 to 170,000 and was published."""
    matches.register(empty, MATCH, "f" * 64, "/nas/a.mp4")
    runs.begin(empty, "run-1", MATCH)
    clock[0] = 160_000
    runs.note_stage(empty, "run-1", StageTime("scan", "", 90_000, done=True, stats={"fps": 12.5}))
    clock[0] = 170_000
    runs.end(empty, "run-1")
    return empty


def test_a_clear_that_finds_all_work_done_leaves_everything_as_it_was(ended: str, clock: list[int]) -> None:
    before = row(ended), runs.stages(ended, "run-1")
    for again in (runs.resume, runs.begin):
        clock[0] += 300_000
        again(ended, "run-1", *([MATCH] if again is runs.begin else []))
        assert row(ended)["status"] == "running"
        clock[0] += 5_000
        runs.note_stage(ended, "run-1", StageTime("scan", "", 400, done=True, stats={"fps": 12.5}, reused=True))
        clock[0] += 5_000
        runs.end(ended, "run-1")
        assert (row(ended), runs.stages(ended, "run-1")) == before
    runs.end(ended, "run-1")  # close_match alone
    assert row(ended) == before[0]


def test_what_a_clear_computes_is_work_and_the_time_until_the_clear_is_none(ended: str, clock: list[int]) -> None:
    clock[0] = 465_000
    runs.resume(ended, "run-1")
    clock[0] = 470_000
    runs.resume(ended, "run-1")
    runs.note_stage(ended, "run-1", StageTime("scan", "", 4_000, done=True))
    clock[0] = 472_000
    runs.end(ended, "run-1")
    assert (row(ended)["worked_ms"], row(ended)["ended_at_ms"]) == (169_000 + 7_000, 472_000)
    assert row(ended)["started_at_ms"] == 1_000
    assert [stage.spent_ms for stage in runs.stages(ended, "run-1")] == [94_000]


def test_a_task_that_only_waits_is_no_work_and_says_why_it_waits(ended: str, clock: list[int]) -> None:
    clock[0] = 465_000
    runs.resume(ended, "run-1")
    runs.note_stage(ended, "run-1",
                    StageTime("scan", "", 0, done=False, failure=Failure(STORAGE, "waiting for space")))
    [stage] = runs.stages(ended, "run-1")
    assert (stage.wall_ms, stage.spent_ms, stage.failure) == (90_000, 90_000, Failure(STORAGE, "waiting for space"))
    runs.note_stage(ended, "run-1", StageTime("scan", "", 400, done=True, reused=True))
    runs.end(ended, "run-1")
    assert row(ended)["worked_ms"] == 169_000


def test_a_stretch_that_fails_is_work_though_its_task_was_killed(ended: str, clock: list[int]) -> None:
    clock[0] = 465_000
    runs.resume(ended, "run-1")
    clock[0] = 475_000
    runs.end(ended, "run-1", Failure(INFRASTRUCTURE, "the step was ended by signal 9"))
    assert runs.worked_ms(ended, "run-1") == 179_000


def test_a_clock_that_was_put_back_takes_no_time_away(ended: str, clock: list[int]) -> None:
    runs.resume(ended, "run-1")
    clock[0] = 100
    runs.end(ended, "run-1", Failure(INFRASTRUCTURE, "no room"))
    assert runs.worked_ms(ended, "run-1") == 169_000


def test_a_run_that_found_all_work_done_has_worked_no_time(url: str) -> None:
    runs.note_stage(url, "run-1", StageTime("scan", "", 400, done=True, reused=True))
    assert [(stage.wall_ms, stage.spent_ms, stage.reused) for stage in runs.stages(url, "run-1")] == [(400, 0, True)]
    runs.end(url, "run-1")
    assert (row(url)["worked_ms"], row(url)["ended_at_ms"] is not None) == (0, True)


def test_a_failure_is_counted_once_per_run_and_one_that_never_began_each_time(url: str) -> None:
    assert [runs.count_failure(url, "run-1") for _ in range(2)] == [True, False]
    assert [runs.count_failure(url, "never begun") for _ in range(2)] == [True, True]


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
            runs.end(url, f"run-{number}", None if status == "published" else Failure(INFRASTRUCTURE, "no room"))
    with writing(url) as connection:
        for number, row in enumerate(runs.of_match(url, MATCH)):
            connection.execute(table.update().where(table.c.run_id == row["run_id"]).values(
                started_at_ms=number, ended_at_ms=None if row["status"] == "running" else moment))
    assert runs.forget_old(url, moment) == 0
    assert runs.forget_old(url, moment + 1) == 1
    assert [row["run_id"] for row in runs.of_match(url, MATCH)] == ["run-1", "run-3", "run-4"]
    assert runs.stages(url, "run-2") == [] and len(runs.stages(url, "run-4")) == 1
