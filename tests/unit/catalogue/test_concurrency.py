"""Many processes on several hosts write at once; a connection may be lost at any moment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import pytest

from touchline.catalogue import actions, matches, migrate, reels, runs
from touchline.catalogue.runs import StageTime

MATCH = "cup-final-0123456789ab"
AT_ONCE = 6
SPAWNED = multiprocessing.get_context("spawn")  # as Celery's workers on other hosts: nothing is shared
GOAL = {"match_ms": 5, "half": 1, "position_ms": 5, "label": "Goal", "confidence": 0.5, "source": "model"}


@pytest.fixture(scope="module")
def many() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(AT_ONCE, mp_context=SPAWNED) as pool:
        yield pool


@pytest.fixture
def url(empty: str) -> str:
    matches.register(empty, MATCH, "f" * 64, "/nas/a.mp4")
    runs.begin(empty, "run-1", MATCH)
    return empty


def is_not_dead(holder: str) -> bool:
    return holder != "dead"


def take(url: str, holder: str) -> str:
    return matches.take_lease(url, MATCH, holder, is_not_dead)


def hand_on(url: str, holder: str) -> int:
    """Take the lease and give it back, over and over; returns how often two had it at once."""
    clashes = 0
    for _ in range(20):
        if take(url, holder) == holder:
            clashes += matches.find(url, MATCH).lease_holder != holder
            matches.release_lease(url, MATCH, holder)
    return clashes


def note(url: str, number: int) -> None:
    for _ in range(10):
        runs.note_stage(url, "run-1", StageTime("scan", "", number, done=True))
        actions.replace(url, MATCH, [GOAL] * number)
        reels.replace(url, MATCH, [])
        matches.update(url, MATCH, status="processing")


def register(url: str, number: int) -> str:
    return matches.register(url, f"n{number}-ab0123456789", "a" * 64, "/x").match_id


def all_of(pool: ProcessPoolExecutor, work: Callable[..., Any], values: list[Any]) -> list[Any]:
    return [future.result(60) for future in [pool.submit(work, value) for value in values]]


def test_a_lease_is_taken_over_by_one_process_only(url: str, many: ProcessPoolExecutor) -> None:
    for _ in range(5):
        matches.update(url, MATCH, lease_holder="dead")
        assert len(set(all_of(many, partial(take, url), [f"run-{number}" for number in range(AT_ONCE)]))) == 1


def test_a_lease_that_goes_from_hand_to_hand_has_one_holder(url: str, many: ProcessPoolExecutor) -> None:
    assert sum(all_of(many, partial(hand_on, url), [f"run-{number}" for number in range(AT_ONCE)])) == 0
    assert matches.find(url, MATCH).lease_holder is None


def test_one_content_is_one_match_for_all_processes(empty: str, many: ProcessPoolExecutor) -> None:
    assert len(set(all_of(many, partial(register, empty), list(range(AT_ONCE))))) == 1  # makes the tables, too
    assert len(matches.every(empty)) == 1


def test_what_is_noted_at_once_is_noted_whole(url: str, many: ProcessPoolExecutor) -> None:
    all_of(many, partial(note, url), list(range(1, AT_ONCE + 1)))
    [stage] = runs.stages(url, "run-1")
    assert 1 <= stage.wall_ms <= AT_ONCE
    assert len(actions.of_match(url, MATCH)) in range(1, AT_ONCE + 1)


def test_processes_that_migrate_at_once_take_turns(empty: str, many: ProcessPoolExecutor) -> None:
    all_of(many, partial(migrate.migrate, empty), ["head", "0001", "head", "0002", "head", "base"])
    migrate.migrate(empty)
    assert matches.every(empty) == []
