"""One content is one match, and one run at a time works on it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from touchline.catalogue import matches, runs

MATCH = "cup-final-0123456789ab"


@pytest.fixture
def url(empty: str) -> str:
    matches.register(empty, MATCH, "f" * 64, "/nas/a.mp4")
    return empty


def never(_: str) -> bool:
    return False


def always(_: str) -> bool:
    return True


def test_the_same_content_under_another_name_is_the_same_match(url: str) -> None:
    again = matches.register(url, "other-0123456789ab", "f" * 64, "/nas/b.mp4")
    assert (again.match_id, again.recording) == (MATCH, "/nas/a.mp4")
    assert len(matches.every(url)) == 1


def test_ten_at_once_register_one_match(url: str) -> None:
    names = [f"n{number}-ab0123456789" for number in range(10)]
    with ThreadPoolExecutor(10) as pool:
        found = list(pool.map(lambda name: matches.register(url, name, "a" * 64, "/x"), names))
    assert len({match.match_id for match in found}) == 1


def test_a_lease_is_kept_by_its_holder_and_refused_to_others(url: str) -> None:
    assert matches.take_lease(url, MATCH, "run-1", always) == "run-1"
    assert matches.take_lease(url, MATCH, "run-1", always) == "run-1"
    assert matches.take_lease(url, MATCH, "run-2", always) == "run-1"


def test_a_lease_whose_run_has_ended_is_taken_over(url: str) -> None:
    matches.take_lease(url, MATCH, "run-1", always)
    assert matches.take_lease(url, MATCH, "run-2", never) == "run-2"


@pytest.mark.parametrize("days", [2, 7, 400, -400])
def test_a_lease_whose_run_is_active_is_kept_however_old_and_wherever_the_clock_jumps(
        url: str, monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    matches.take_lease(url, MATCH, "run-1", always)
    later_ms = time.time_ns() // 1_000_000 + days * 86_400_000
    monkeypatch.setattr("touchline.catalogue.matches.now_ms", lambda: later_ms)
    assert matches.take_lease(url, MATCH, "run-2", always) == "run-1"
    assert matches.take_lease(url, MATCH, "run-2", never) == "run-2"


def test_a_lease_of_which_nobody_can_tell_stays_as_it_is(url: str) -> None:
    def airflow_is_away(_: str) -> bool:
        raise ConnectionError("no answer")

    matches.take_lease(url, MATCH, "run-1", always)
    with pytest.raises(ConnectionError):
        matches.take_lease(url, MATCH, "run-2", airflow_is_away)
    assert matches.take_lease(url, MATCH, "run-3", always) == "run-1"


def test_only_the_holder_gives_a_lease_back(url: str) -> None:
    matches.take_lease(url, MATCH, "run-1", always)
    matches.release_lease(url, MATCH, "run-2")
    assert matches.take_lease(url, MATCH, "run-2", always) == "run-1"
    matches.release_lease(url, MATCH, "run-1")
    assert matches.take_lease(url, MATCH, "run-2", always) == "run-2"


def test_two_that_take_over_at_once_do_not_both_win(url: str) -> None:
    matches.take_lease(url, MATCH, "dead", always)
    with ThreadPoolExecutor(8) as pool:
        holders = list(pool.map(lambda number: matches.take_lease(url, MATCH, f"run-{number}",
                                                                  lambda other: other != "dead"), range(8)))
    assert len(set(holders)) == 1


def test_a_registered_match_is_without_a_run_until_one_begins(url: str) -> None:
    assert [match.match_id for match in matches.without_run(url)] == [MATCH]
    runs.begin(url, "run-1", MATCH)
    assert matches.without_run(url) == []
