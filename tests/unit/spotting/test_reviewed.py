"""What people decided about actions holds, whatever is found again later."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchline.domain.action import Spotting
from touchline.domain.label import LABELS
from touchline.domain.review import Decision, Judged, Place
from touchline.spotting.fusion import Course, Evidence, ScanSignals, alone_ms
from touchline.spotting.merge import merge_spottings
from touchline.spotting.scoreboard import ScoreSheet

TEN_MINUTES = Evidence([], ScanSignals(500, [], []), ScoreSheet(), course=Course(600_000))
FOUND = [Spotting(60_000, "Foul", 0.8), Spotting(200_000, "Corner", 0.7)]


def merged(*decided, found=FOUND, marks=()):
    return merge_spottings(found, TEN_MINUTES, list(marks), 0.5, decided)


def told(*decided, **more):
    return [(one.match_ms, one.label, one.source, one.team) for one in merged(*decided, **more).actions]


def test_what_was_accepted_is_sure():
    accepted = Decision(Place(60_000, "Foul"), Judged(60_000, "Foul", team="away"))
    assert told(accepted) == [(60_000, "Foul", "review", "away"), (200_000, "Corner", "model", None)]
    assert merged(accepted).actions[0].confidence == 1.0
    assert told(accepted, found=[])[0] == (60_000, "Foul", "review", "away"), "also when no model finds it any more"


@pytest.mark.parametrize("match_ms", [58_500, 60_000, 61_900])
def test_what_was_rejected_is_neither_action_nor_candidate_wherever_models_put_it_now(match_ms):
    found = [Spotting(match_ms, "Foul", 0.8), Spotting(200_000, "Corner", 0.7)]
    result = merged(Decision(Place(60_000, "Foul"), None), found=found)
    assert [one.label for one in result.actions] == ["Corner"]
    assert all(one.label != "Foul" for one in result.candidates)


def test_another_of_the_same_label_stays():
    found = [*FOUND, Spotting(90_000, "Foul", 0.6)]
    assert (90_000, "Foul", "model", None) in told(Decision(Place(60_000, "Foul"), None), found=found)


def test_what_was_changed_is_what_it_was_changed_into():
    changed = Decision(Place(60_000, "Foul"), Judged(60_400, "Yellow card"))
    assert told(changed) == [(60_400, "Yellow card", "review", None), (200_000, "Corner", "model", None)]
    moved = Decision(Place(60_000, "Foul"), Judged(60_400, "Foul"))
    assert told(moved)[0] == (60_400, "Foul", "review", None)


def test_what_was_added_is_a_mark_and_a_mark_that_was_looked_at_stays_one():
    assert told(Decision(None, Judged(300_000, "Goal")))[2] == (300_000, "Goal", "mark", None)
    mark = Spotting(60_500, "Foul", 1.0)
    assert told(Decision(Place(60_500, "Foul"), Judged(60_500, "Foul")), marks=[mark])[0] == (
        60_500, "Foul", "mark", None)


def test_a_mark_can_be_rejected():
    assert told(Decision(Place(60_500, "Foul"), None), marks=[Spotting(60_500, "Foul", 1.0)], found=[]) == []


places = st.builds(Place, st.integers(0, 600_000), st.sampled_from(LABELS))
judgements = st.builds(Judged, st.integers(0, 600_000), st.sampled_from(LABELS))
spottings = st.lists(st.builds(Spotting, st.integers(0, 600_000), st.sampled_from(LABELS),
                               st.integers(50, 1000).map(lambda n: n / 1000)), max_size=40)


@given(spottings, st.lists(st.builds(Decision, st.none() | places, st.none() | judgements), max_size=6))
def test_every_decision_holds(found, decided):
    result = merge_spottings(found, TEN_MINUTES, [], 0.3, decided)
    shown = {(one.match_ms, one.label) for one in result.actions if one.source in ("review", "mark")}
    assert shown == {(one.after.match_ms, one.after.label) for one in decided if one.after}
    denied = [one.before for one in decided if one.before]
    for one in [*(a for a in result.actions if a.source not in ("review", "mark")), *result.candidates]:
        assert not any(one.label == place.label and abs(one.match_ms - place.match_ms) < alone_ms(one.label)
                       for place in denied)
