"""What is in force follows from the reviews, whoever made them and in whatever order they come."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchline.domain.label import LABELS
from touchline.domain.review import (
    Decision,
    Judged,
    Place,
    Review,
    decisions,
    review_from_plain,
    review_to_plain,
)

GOAL, SHOT = Place(61_000, "Goal"), Place(61_000, "Shots on target")


def review(number, before=None, after=None, undoes=None, who="coach"):
    return Review(f"r{number}", 1000 + number, who, before, after, undoes)


def judged(place, **more):
    return Judged(place.match_ms, place.label, **more)


@pytest.mark.parametrize(("what", "one"), [
    ("accept", review(1, GOAL, judged(GOAL))),
    ("accept", review(1, GOAL, judged(GOAL, team="home", player="9"))),
    ("reject", review(1, GOAL)),
    ("change", review(1, GOAL, judged(SHOT))),
    ("change", review(1, GOAL, Judged(61_200, "Goal"))),
    ("add", review(1, None, judged(GOAL))),
    ("undo", review(1, undoes="r0")),
])
def test_what_it_is(what, one):
    assert one.what == what


def test_the_later_review_of_an_action_counts():
    assert decisions([review(1, GOAL, judged(GOAL)), review(2, GOAL)]) == [Decision(GOAL, None)]
    assert decisions([review(1, GOAL), review(2, GOAL, judged(GOAL), who="analyst")]) == [Decision(GOAL, judged(GOAL))]


def test_a_review_of_what_was_changed_goes_on_from_there():
    first = review(1, GOAL, judged(SHOT))
    assert decisions([first, review(2, SHOT, Judged(60_000, SHOT.label))]) == [
        Decision(GOAL, Judged(60_000, SHOT.label))]
    assert decisions([first, review(2, SHOT)]) == [Decision(GOAL, None)]


def test_what_was_added_and_rejected_leaves_nothing():
    assert decisions([review(1, None, judged(GOAL)), review(2, GOAL)]) == []


def test_an_undo_takes_back_one_review_and_can_be_undone():
    made, undo = review(1, GOAL), review(2, undoes="r1")
    assert decisions([made, undo]) == []
    assert decisions([made, undo, review(3, undoes="r2")]) == [Decision(GOAL, None)]
    assert decisions([review(0, GOAL, judged(SHOT)), review(1, SHOT), review(2, undoes="r1")]) == [
        Decision(GOAL, judged(SHOT))]
    assert decisions([undo]) == [], "of a review that is not there"


places = st.builds(Place, st.integers(0, 5_400_000), st.sampled_from(LABELS))
after = st.builds(Judged, st.integers(0, 5_400_000), st.sampled_from(LABELS), st.sampled_from([None, "home", "away"]),
                  st.none() | st.sampled_from(["9", "Ä. Ö"]))


@given(st.none() | places, st.none() | after)
def test_it_comes_back_from_json(before, judged_now):
    if before or judged_now:
        one = review(1, before, judged_now)
        assert review_from_plain(json.loads(json.dumps(review_to_plain(one)))) == one


@pytest.mark.parametrize(("change", "said"), [
    ({"who": ""}, "who is a text"), ({"who": "a\nb"}, "who is a text"), ({"who": 5}, "who is a text"),
    ({"at_ms": True}, "at_ms is a whole number"), ({"at_ms": -1}, "at_ms"), ({"review_id": "x" * 65}, "review_id"),
    ({"after": None}, "before, after or both"), ({"undoes": "r0"}, "or it undoes"), ({"more": 1}, "exactly the fields"),
    ({"after": {"match_ms": 1}}, "exactly the fields"), ({"after": []}, "before, after or both"),
    ({"after": {"match_ms": 1.5, "label": "Goal", "team": None, "player": None}}, "match_ms is a whole number"),
    ({"after": {"match_ms": 1, "label": "goal", "team": None, "player": None}}, "label 'goal' is not known"),
    ({"after": {"match_ms": 1, "label": ["Goal"], "team": None, "player": None}}, "is not known"),
    ({"after": {"match_ms": 1, "label": "Goal", "team": "reds", "player": None}}, "team is"),
    ({"after": {"match_ms": 1, "label": "Goal", "team": None, "player": "<script>" * 10}}, "player is a text"),
])
def test_what_is_no_review_is_refused_in_one_line(change, said):
    plain = {**review_to_plain(review(1, None, judged(GOAL))), **change}
    with pytest.raises(ValueError, match=said) as caught:
        review_from_plain(plain)
    assert "\n" not in str(caught.value)
