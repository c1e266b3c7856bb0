import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchline.domain.action import Spotting
from touchline.domain.label import LABELS
from touchline.spotting.fusion import (
    ClipScores,
    Course,
    Evidence,
    ScanSignals,
    View,
    alone_ms,
    confidence_from,
    fusion_table,
    weigh,
)
from touchline.spotting.merge import keep_strongest, merge_spottings
from touchline.spotting.scoreboard import Reading, ScoreSheet
from touchline.spotting.shots import excluded_by, infer_from_restarts

QUIET = Evidence([], ScanSignals(500, [], []), ScoreSheet())
TEN_MINUTES = Evidence([], ScanSignals(500, [], []), ScoreSheet(), course=Course(600_000))

spottings = st.lists(
    st.builds(
        Spotting, st.integers(0, 600_000), st.sampled_from(LABELS), st.integers(50, 1000).map(lambda n: n / 1000),
        st.integers(0, 10).map(lambda n: n / 10)
    ),
    max_size=60,
)


marked = st.lists(
    st.builds(Spotting, st.integers(0, 600_000), st.sampled_from(LABELS), st.just(1.0)), max_size=5)
sheets = st.lists(st.integers(0, 600_000), max_size=3).map(lambda goals: _sheet(*goals))


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
    assert merge_spottings(found, TEN_MINUTES, [], 0.3) == merge_spottings(shuffled, TEN_MINUTES, [], 0.3)


@given(spottings, marked)
def test_a_mark_is_always_an_action(found, marks):
    actions = merge_spottings(found, QUIET, marks, 0.5).actions
    assert {(mark.match_ms, mark.label) for mark in marks} <= {
        (a.match_ms, a.label) for a in actions if a.source == "mark"
    }


def test_the_model_gives_way_to_a_mark_of_the_same_action():
    actions = merge_spottings([Spotting(61_000, "Save", 0.9)], QUIET, [Spotting(60_000, "Save", 1.0)], 0.5).actions
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
    assert merge_spottings([Spotting(60_000, "Corner", 0.9)], _sheet(80_000), [], 0.5).actions[0].label == "Corner"


def test_one_change_of_the_score_is_one_goal():
    found = [Spotting(at, "Goal", score) for at, score in ((30_000, 0.6), (70_000, 0.7), (200_000, 0.6))]
    goals = merge_spottings(found, _sheet(90_000, 220_000), [], 0.5).actions
    assert [action.match_ms for action in goals] == [70_000, 200_000]


def test_a_close_up_lowers_a_shot_but_never_rules_it_out():
    close_up = Evidence([View(50_000, 1, 0)], ScanSignals(500, [], []), ScoreSheet())
    assert 0.5 < weigh(Spotting(50_000, "Shots on target", 0.8), close_up).confidence < 0.8


SHOTS = fusion_table()["shot"]["labels"]
MOST, PLACE_MS = fusion_table()["candidates"]["most"], fusion_table()["candidates"]["place_ms"]
crowded = st.lists(
    st.builds(Spotting, st.integers(0, 60_000), st.sampled_from([*SHOTS, "Kick-off", "Corner", "Goal kick"]),
              st.integers(50, 1000).map(lambda n: n / 1000)), max_size=40)


def _merged(*found, evidence=TEN_MINUTES, marks=(), least=0.5):
    return merge_spottings([Spotting(*one) for one in found], evidence, [Spotting(*mark, 1.0) for mark in marks], least)


def _said(merged):
    return [(action.match_ms, action.label) for action in merged.actions]


@given(crowded, marked, sheets)
def test_no_shot_has_two_outcomes_unless_the_coach_says_so(found, marks, evidence):
    actions = merge_spottings(found, evidence, marks, 0.3).actions
    for one in actions:
        for other in actions:
            if other.label in excluded_by(one.label) and "model" in (one.source, other.source):
                assert abs(one.match_ms - other.match_ms) > fusion_table()["shot"]["within_ms"]


@given(crowded)
def test_one_change_of_the_score_has_one_goal(found):
    evidence = _sheet(40_000)
    goals = [one for one in merge_spottings(found, evidence, [], 0.3).actions if one.label == "Goal"]
    assert len([goal for goal in goals if evidence.shown_goal(goal.match_ms)]) <= 1


@given(st.one_of(spottings, crowded), marked, st.sampled_from((0.0, 0.3, 0.9)))
def test_a_candidate_is_never_an_action_nor_another_candidate(found, marks, least):
    merged = merge_spottings(found, TEN_MINUTES, marks, least)
    assert len(merged.candidates) <= MOST
    told = [(one.match_ms, one.label) for one in merged.actions]
    for candidate in merged.candidates:
        for match_ms, label in told:
            assert label != candidate.label or abs(match_ms - candidate.match_ms) >= alone_ms(label)
        told.append((candidate.match_ms, candidate.label))
        assert candidate.label not in [label for label, _, _ in candidate.others]
    places = [candidate.match_ms for candidate in merged.candidates]
    assert all(abs(one - other) >= PLACE_MS for at, one in enumerate(places) for other in places[:at])


@given(crowded, sheets)
def test_every_confidence_is_what_its_evidence_adds_up_to(found, evidence):
    merged = merge_spottings(found, evidence, [], 0.3)
    for one in (*merged.actions, *merged.candidates):
        assert one.confidence == confidence_from(one.evidence)
        assert one.evidence[0][0] in ("spotter", "pattern")


@given(spottings)
def test_a_lower_threshold_keeps_what_a_higher_one_took_without_shots(found):
    others = [one for one in found if one.label not in SHOTS]
    assert set(merge_spottings(others, QUIET, [], 0.8).actions) <= set(merge_spottings(others, QUIET, [], 0.2).actions)


def test_a_shot_on_target_stays_beside_its_goal_and_beside_its_save():
    found = [(10_000, "Shots on target", 0.7), (11_000, "Goal", 0.8), (60_000, "Shots on target", 0.7),
             (61_000, "Save", 0.8)]
    assert _said(_merged(*found)) == [(ms, label) for ms, label, _ in found]


def test_of_two_outcomes_the_surer_one_is_the_action_and_the_other_a_candidate_with_the_reason():
    merged = _merged((10_000, "Save", 0.7), (11_000, "Goal", 0.8), (12_000, "Shots off target", 0.6))
    assert _said(merged) == [(11_000, "Goal")]
    [candidate] = merged.candidates
    assert (candidate.label, candidate.others) == ("Save", (("Shots off target", 0.6, 12_000),))
    assert dict(candidate.evidence)["instead"] == "Goal"


@pytest.mark.parametrize(("restart", "outcome"), [("Goal kick", "Shots off target"), ("Corner", "Save"),
                                                  ("Kick-off", "Goal")])
def test_the_restart_corrects_the_outcome(restart, outcome):
    # 50 s: a shot of which nobody knows what became ........ 70 s: restart
    found = [(50_000, label, 0.6 if label == outcome else 0.65) for label in ("Shots off target", "Save", "Goal")]
    assert _said(_merged(*found, (70_000, restart, 0.9)))[0] == (50_000, outcome)


def test_play_that_goes_on_speaks_for_a_save():
    found = [(50_000, "Shots off target", 0.6), (50_500, "Save", 0.55), (400_000, "Throw-in", 0.9)]
    assert _said(_merged(*found))[0] == (50_500, "Save")
    assert _said(_merged(*found[:2]))[0] == (50_000, "Shots off target"), "not one restart was spotted"


def test_only_the_first_restart_after_a_shot_counts():
    found = [(50_000, "Shots off target", 0.6), (50_500, "Goal", 0.6), (70_000, "Goal kick", 0.95)]
    assert _said(_merged(*found, (110_000, "Kick-off", 0.95)))[0] == (50_000, "Shots off target")


def test_the_kick_off_of_a_half_says_nothing_of_the_last_shot_before_it():
    halves = Evidence([], ScanSignals(500, [], []), ScoreSheet(), course=Course(600_000, (2_000, 70_000)))
    found = [(50_000, "Shots on target", 0.9), (71_000, "Kick-off", 0.9)]
    assert _said(_merged(*found, evidence=halves)) == [(50_000, "Shots on target"), (71_000, "Kick-off")]
    assert (50_000, "Goal") in _said(_merged(*found))


def _goal(evidence, *others):
    [goal] = [one for one in _merged((50_000, "Goal", 0.5), (400_000, "Corner", 0.9), *others, evidence=evidence,
                                     least=0.0).actions if one.label == "Goal"]
    return goal


def test_a_goal_that_neither_kick_off_nor_score_nor_sound_bears_out_is_doubted():
    heard = [0.0] * 1200
    heard[1100] = 1.0
    with_sound = Evidence([], ScanSignals(500, heard, heard), ScoreSheet(), course=Course(600_000))
    silent, doubted = _goal(TEN_MINUTES), _goal(with_sound)
    assert doubted.confidence < silent.confidence < 0.5
    assert {"no_kick_off", "no_surge"} <= set(dict(doubted.evidence))
    assert "no_surge" not in dict(silent.evidence), "where nothing can be heard, silence says nothing"
    assert _goal(TEN_MINUTES, (75_000, "Kick-off", 0.9)).confidence > 0.7
    cheered = [0.0] * 1200
    cheered[104] = 1.0
    with_cheer = Evidence([], ScanSignals(500, cheered, cheered), ScoreSheet(), course=Course(600_000))
    assert not {"no_kick_off", "no_surge"} & set(dict(_goal(with_cheer).evidence))


@pytest.mark.parametrize("course", [Course(100_000), Course(600_000, (0, 130_000)), Course()])
def test_no_kick_off_is_missed_at_the_end_of_a_film_or_a_half(course):
    evidence = Evidence([], ScanSignals(500, [], []), ScoreSheet(), course=course)
    assert _goal(evidence).confidence == 0.5


def test_what_lies_before_the_kick_off_that_the_club_wrote_down_is_no_action_unless_it_is_marked():
    evidence = Evidence([], ScanSignals(500, [], []), ScoreSheet(), course=Course(600_000, (120_000,), 120_000))
    merged = _merged((50_000, "Goal", 0.9), (119_000, "Kick-off", 0.9), evidence=evidence, marks=[(60_000, "Save")])
    assert _said(merged) == [(60_000, "Save"), (119_000, "Kick-off")]
    assert dict(merged.candidates[0].evidence)["before"] == "the first kick-off"


def test_throw_ins_do_not_push_a_weak_goal_out_of_the_candidates():
    found = [(10_000 * at, "Throw-in", 0.49) for at in range(50)] + [(505_000, "Goal", 0.1)]
    merged = _merged(*found, evidence=QUIET)
    assert len(merged.candidates) == MOST
    assert merged.candidates[0].label == "Goal"


def test_every_label_has_an_interest():
    assert set(fusion_table()["interest"]) - {"*"} == set(LABELS)


def test_a_shot_then_a_kick_off_was_a_goal():
    # 10 s: shot ........ 40 s: kick-off
    merged = _merged((10_000, "Shots on target", 0.9), (40_000, "Kick-off", 0.8), evidence=QUIET)
    [goal] = [action for action in merged.actions if action.label == "Goal"]
    assert (goal.match_ms, goal.confidence, goal.source) == (10_000, 0.64, "pattern")
    assert goal.evidence == (("pattern", 0.64), ("after", "Shots on target, then Kick-off"))


@pytest.mark.parametrize(("shot", "restart", "gives", "away_share"), [
    ("Shots on target", "Kick-off", "Goal", 0.9), ("Save", "Kick-off", "Goal", 0.1),
    ("Shots off target", "Corner", "Save", 0.1)])
def test_what_a_restart_tells_is_of_the_team_that_shot_or_of_its_keeper(shot, restart, gives, away_share):
    found = [Spotting(100_000, shot, 0.8, 0.9), Spotting(130_000, restart, 0.8, 0.3)]
    [told] = infer_from_restarts([weigh(one, QUIET) for one in found], QUIET)
    assert (told.label, told.away_share) == (gives, away_share)


def test_an_action_and_a_candidate_keep_which_team_acts_and_a_mark_says_nothing():
    found = [Spotting(10_000, "Corner", 0.8, 0.9), Spotting(60_000, "Throw-in", 0.3, 0.2)]
    merged = merge_spottings(found, _surge_at(80), [Spotting(90_000, "Foul", 1.0)], 0.5)
    assert [(one.label, one.source, one.away_share) for one in merged.actions] == [
        ("Corner", "model", 0.9), ("Foul", "mark", 0.5)]
    assert [(one.label, one.away_share) for one in merged.candidates] == [("Throw-in", 0.2)]


def test_a_score_that_stays_speaks_against_a_goal_that_a_kick_off_tells():
    found = [(10_000, "Shots on target", 0.9), (40_000, "Kick-off", 0.8)]
    assert (10_000, "Goal") not in _said(_merged(*found, evidence=_sheet()))


def test_a_goal_that_is_there_is_not_inferred_again():
    merged = _merged((10_000, "Shots on target", 0.9), (11_000, "Goal", 0.7), (40_000, "Kick-off", 0.8))
    assert [(one.match_ms, one.source) for one in merged.actions if one.label == "Goal"] == [(11_000, "model")]


def test_a_mark_settles_what_became_of_a_shot():
    merged = _merged((50_000, "Goal", 0.9), marks=[(51_000, "Save")])
    assert _said(merged) == [(51_000, "Save")]
    assert merged.candidates[0].label == "Goal"


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
