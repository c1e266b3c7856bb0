"""Reviews are added, in one order, once each, by however many people at once; and they outlive their match's row."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from touchline.catalogue import matches, reviews
from touchline.catalogue.connection import writing
from touchline.catalogue.schema import matches as matches_table
from touchline.domain.review import Judged, Place, Review
from touchline.errors import UsageError

MATCH = "cup-final-0123456789ab"
GOAL = Place(61_000, "Goal")
SPAWNED = multiprocessing.get_context("spawn")


@pytest.fixture
def url(empty: str) -> str:
    matches.register(empty, MATCH, "f" * 64, "/nas/a.mp4")
    return empty


def review(review_id: str, after: Judged | None = None, who: str = "coach") -> Review:
    return Review(review_id, 0, who, GOAL, after)


def test_they_come_back_as_they_were_in_their_order(url: str) -> None:
    made = [review("a", Judged(61_200, "Shots on target", "home", "9 Ä")), review("b"),
            Review("c", 0, "analyst", None, Judged(5, "Foul")), Review("d", 0, "coach", undoes="b")]
    counted = [reviews.add(url, MATCH, one) for one in made]
    assert reviews.of_match(url, MATCH) == counted
    assert [one.at_ms for one in counted] == sorted(one.at_ms for one in counted) and counted[0].at_ms > 0
    assert [(one.before, one.after, one.undoes, one.who) for one in counted] == [
        (one.before, one.after, one.undoes, one.who) for one in made]
    assert reviews.of_match(url, "other-0123456789ab") == []


def test_a_clock_that_goes_back_does_not_change_the_order(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = reviews.add(url, MATCH, review("a"))
    monkeypatch.setattr(reviews, "now_ms", lambda: 5)
    assert reviews.add(url, MATCH, review("b")).at_ms == first.at_ms


def test_the_same_review_is_there_once(url: str) -> None:
    first = reviews.add(url, MATCH, review("a"))
    assert reviews.add(url, MATCH, review("a")) == first
    assert reviews.of_match(url, MATCH) == [first]
    with pytest.raises(UsageError, match="is there already, and is another one"):
        reviews.add(url, MATCH, review("a", who="somebody else"))


def test_a_match_that_is_not_there_has_none(url: str) -> None:
    with pytest.raises(UsageError, match="there is no match nobody-0123456789ab"):
        reviews.add(url, "nobody-0123456789ab", review("a"))


def test_they_outlive_the_row_of_their_match(url: str) -> None:
    made = reviews.add(url, MATCH, review("a"))
    with writing(url) as connection:
        connection.execute(matches_table.delete())
    matches.register(url, MATCH, "f" * 64, "/nas/again.mp4")
    assert reviews.of_match(url, MATCH) == [made]


def test_there_is_an_end(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviews, "MOST_REVIEWS", 1)
    reviews.add(url, MATCH, review("a"))
    with pytest.raises(UsageError, match="has 1 reviews: no more are taken"):
        reviews.add(url, MATCH, review("b"))


def add_many(url: str, who: str) -> None:
    for number in range(15):
        reviews.add(url, MATCH, review(f"{who}-{number}", who=who))


def test_three_people_at_once_lose_nothing(url: str) -> None:
    people = ["coach", "analyst", "parent"]
    with ProcessPoolExecutor(3, mp_context=SPAWNED) as pool:
        for done in [pool.submit(add_many, url, who) for who in people]:
            done.result(60)
    found = reviews.of_match(url, MATCH)
    for who in people:
        assert [one.review_id for one in found if one.who == who] == [f"{who}-{number}" for number in range(15)]
