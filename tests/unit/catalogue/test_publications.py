"""Each result of a match is written down once, with the time of the run that made it."""

from __future__ import annotations

import pytest

from touchline.catalogue import matches, publications, runs, schema
from touchline.catalogue.connection import writing
from touchline.catalogue.publications import PastRun
from touchline.catalogue.runs import StageTime

MATCH = "cup-final-0123456789ab"


@pytest.fixture
def url(empty: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A match of 100 s; each look at the clock is ten seconds after the last one."""
    moments = iter(range(0, 10**9, 10_000))
    for module in (runs, publications):
        monkeypatch.setattr(module, "now_ms", lambda: next(moments))
    matches.register(empty, MATCH, "f" * 64, "/nas/a.mp4")
    matches.update(empty, MATCH, duration_ms=100_000)
    return empty


def publish(url: str, run_id: str, manifest: str, *, reused: bool = False, conditions: str = "") -> bool:
    """A run of one step, of three looks at the clock."""
    runs.begin(url, run_id, MATCH)
    runs.note_stage(url, run_id, StageTime("scan", "", 5_000, done=True, reused=reused))
    runs.end(url, run_id)
    return publications.add(url, MATCH, manifest, run_id, conditions)


def test_a_result_is_news_once_whoever_publishes_it_again(url: str) -> None:
    told = [publish(url, run_id, manifest) for run_id, manifest in (
        ("run-1", "a"), ("run-1", "a"), ("run-2", "a"), ("run-2", "b"), ("run-3", "a"))]
    assert told == [True, False, False, True, False]
    first, second = publications.since(url, 0)
    assert (first.run_id, first.worked_ms, second.run_id) == ("run-1", 30_000, "run-2")


def test_what_an_earlier_release_published_is_not_news(url: str) -> None:
    assert publish(url, "run-1", "")
    assert not publish(url, "run-1", "a")
    assert publish(url, "run-1", "b")


def test_a_run_that_found_some_work_done_says_nothing_of_the_time_that_such_a_match_takes(url: str) -> None:
    runs.begin(url, "run-1", MATCH)
    runs.note_stage(url, "run-1", StageTime("probe", "", 5_000, done=True, reused=True))
    assert publish(url, "run-1", "a")
    assert publications.past_runs(url, 9) == []
    assert publish(url, "run-2", "b")
    assert publications.past_runs(url, 9) == [PastRun(100_000, 30_000)]


def test_past_runs_are_the_last_ones_of_that_length_and_those_conditions(url: str) -> None:
    for number, conditions in enumerate(("gpu", "cpu", "gpu")):
        publish(url, f"run-{number}", f"{number}", conditions=conditions)
    assert len(publications.past_runs(url, 2)) == 2
    assert len(publications.past_runs(url, 9, conditions="gpu")) == 2
    assert len(publications.past_runs(url, 9, conditions="gpu", but="run-0")) == 1
    assert publications.past_runs(url, 9, lengths_ms=(101_000, 200_000)) == []
    assert len(publications.past_runs(url, 9, lengths_ms=(100_000, 100_000))) == 3


def test_they_go_with_their_match(url: str) -> None:
    publish(url, "run-1", "a")
    with writing(url) as connection:
        connection.execute(schema.matches.delete())
    assert publications.since(url, 0) == []
