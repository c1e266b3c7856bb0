import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchline.domain.action import Spotting
from touchline.domain.label import LABELS
from touchline.spotting.fusion import ClipScores, Evidence, ScanSignals, View, alone_ms, weigh
from touchline.spotting.merge import infer_from_restarts, keep_strongest, merge_spottings
from touchline.spotting.scoreboard import Reading, ScoreSheet

QUIET = Evidence([], ScanSignals(500, [], []), ScoreSheet())

spottings = st.lists(
    st.builds(
        Spotting, st.integers(0, 600_000), st.sampled_from(LABELS), st.integers(50, 1000).map(lambda n: n / 1000)
    ),
    max_size=60,
)


def _surge_at(second: int) -> Evidence:
    surge = [0.0] * 200
    surge[second * 2] = 1.0
    return Evidence([], ScanSignals(500, surge, [0.0] * 200), ScoreSheet())


@given(spottings)
def test_of_two_close_spottings_with_a_label_only_the_stronger_stays(found):
    kept = keep_strongest(found)
    for one in kept:
        for other in kept:
            assert one is other or one.label != other.label or abs(one.match_ms - other.match_ms) >= alone_ms(one.label)
    for lost in set(found) - set(kept):
        assert any(
            keeper.label == lost.label
            and keeper.confidence >= lost.confidence
            and abs(keeper.match_ms - lost.match_ms) < alone_ms(lost.label)
            for keeper in kept
        )


@given(spottings)
def test_the_order_of_spottings_does_not_matter(found):
    shuffled = random.Random(1).sample(found, len(found))
    assert merge_spottings(found, QUIET, [], 0.3) == merge_spottings(shuffled, QUIET, [], 0.3)


@given(
    spottings, st.lists(st.builds(Spotting, st.integers(0, 600_000), st.sampled_from(LABELS), st.just(1.0)), max_size=5)
)
def test_a_mark_is_always_an_action(found, marks):
    actions = merge_spottings(found, QUIET, marks, 0.5)
    assert {(mark.match_ms, mark.label) for mark in marks} <= {
        (a.match_ms, a.label) for a in actions if a.source == "mark"
    }


def test_the_model_gives_way_to_a_mark_of_the_same_action():
    actions = merge_spottings([Spotting(61_000, "Save", 0.9)], QUIET, [Spotting(60_000, "Save", 1.0)], 0.5)
    assert [(action.match_ms, action.source) for action in actions] == [(60_000, "mark")]


def test_a_crowd_surge_after_a_shot_lifts_it_and_one_elsewhere_does_not():
    shot = Spotting(50_000, "Goal", 0.4)
    assert weigh(shot, _surge_at(52)).confidence > 0.6
    assert weigh(shot, _surge_at(80)).confidence == pytest.approx(0.4, abs=0.001)


def _sheet(*goals_ms: int, until_ms: int = 600_000) -> Evidence:
    """The score of the first team goes up at these times; a look every five seconds."""
    readings = [Reading(at, None, (sum(1 for goal in goals_ms if goal <= at), 0)) for at in range(0, until_ms, 5000)]
    return Evidence([], ScanSignals(500, [], []), ScoreSheet.of(readings))


def test_a_score_that_goes_up_lifts_a_goal_and_one_that_stays_lowers_it():
    goal = Spotting(60_000, "Goal", 0.4)
    assert weigh(goal, _sheet(80_000)).confidence > 0.9
    assert weigh(goal, _sheet()).confidence < 0.1
    assert weigh(goal, _sheet(300_000)).confidence < 0.1
    assert weigh(goal, _sheet(until_ms=62_000)).confidence == pytest.approx(0.4, abs=0.001)  # nobody looked after it
    assert weigh(goal, QUIET).confidence == pytest.approx(0.4, abs=0.001)


def test_a_score_that_goes_up_makes_no_goal_where_none_was_seen():
    assert merge_spottings([Spotting(60_000, "Corner", 0.9)], _sheet(80_000), [], 0.5)[0].label == "Corner"


def test_one_change_of_the_score_is_one_goal():
    found = [Spotting(at, "Goal", score) for at, score in ((30_000, 0.6), (70_000, 0.7), (200_000, 0.6))]
    goals = merge_spottings(found, _sheet(90_000, 220_000), [], 0.5)
    assert [action.match_ms for action in goals] == [70_000, 200_000]


def test_a_close_up_lowers_a_shot_but_never_rules_it_out():
    close_up = Evidence([View(50_000, 1, 0)], ScanSignals(500, [], []), ScoreSheet())
    assert 0.5 < weigh(Spotting(50_000, "Shots on target", 0.8), close_up).confidence < 0.8


def test_a_shot_then_a_kick_off_was_a_goal():
    # 10 s: shot ........ 40 s: kick-off
    found = infer_from_restarts([Spotting(10_000, "Shots on target", 0.9), Spotting(40_000, "Kick-off", 0.8)])
    assert found == [Spotting(10_000, "Goal", 0.64)]


def test_a_goal_that_is_there_is_not_inferred_again():
    accepted = [
        Spotting(10_000, "Shots on target", 0.9),
        Spotting(11_000, "Goal", 0.7),
        Spotting(40_000, "Kick-off", 0.8),
    ]
    assert infer_from_restarts(accepted) == []


def _with_clips(*clips: ClipScores) -> Evidence:
    return Evidence([], ScanSignals(500, [], []), ScoreSheet(), clips)


def test_the_clip_models_opinion_raises_and_lowers_what_it_knows():
    found = Spotting(10_000, "Save", 0.5)
    clips = _with_clips(ClipScores(9_200, {"Save": 0.2}), ClipScores(10_800, {"Save": 0.9}), ClipScores(20_000, {}))
    assert weigh(found, clips).confidence > 0.5
    assert weigh(Spotting(20_300, "Save", 0.5), clips).confidence < 0.1
    assert weigh(Spotting(30_000, "Save", 0.5), clips).confidence == 0.5
    assert weigh(Spotting(10_000, "Corner", 0.5), clips).confidence == 0.5
    assert weigh(found, QUIET).confidence == 0.5


def test_no_opinion_counts_more_than_the_bound():
    sure = _with_clips(ClipScores(0, {"Save": 1.0}))
    assert sure.opinion(Spotting(0, "Save", 0.5)) == 3.0
    assert _with_clips(ClipScores(0, {}), ClipScores(5000, {"Save": 1.0})).opinion(Spotting(0, "Save", 0.5)) == -3.0
