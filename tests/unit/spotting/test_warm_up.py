"""A film that begins with the warm-up: what comes before the first kick-off is no action."""

import pytest

from touchline.domain.action import Spotting
from touchline.spotting.fusion import Course, Evidence, ScanSignals
from touchline.spotting.merge import merge_spottings
from touchline.spotting.scoreboard import ScoreSheet
from touchline.spotting.warm_up import warm_up_end_ms

SHOT, KICK_OFF = Spotting(1000, "Shots on target", 0.9), Spotting(75_000, "Kick-off", 0.95)
GOAL_MS = 58_000
LATER = Spotting(200_000, "Shots off target", 0.8)


def told(spottings):
    return warm_up_end_ms(spottings, Course())


def test_what_the_club_wrote_down_comes_first():
    assert warm_up_end_ms([SHOT, KICK_OFF], Course(begins_ms=120_000)) == 110_000


def test_what_lies_shortly_before_a_kick_off_may_be_the_shot_of_its_goal():
    assert told([Spotting(10_000, "Shots on target", 0.9), Spotting(40_000, "Kick-off", 0.9)]) == 0


def test_the_first_sure_kick_off_begins_the_match():
    assert told([LATER, KICK_OFF, SHOT, Spotting(300_000, "Kick-off", 0.99)]) == 75_000 - GOAL_MS
    assert told([SHOT, LATER]) == 0


@pytest.mark.parametrize("label", ["Goal", "Throw-in", "Corner", "Foul", "Goal kick", "Offside"])
def test_a_film_that_begins_in_play_has_no_warm_up(label):
    """Its first kick-off is that of a goal, or of the second half."""
    assert told([SHOT, Spotting(30_000, label, 0.6), KICK_OFF]) == 0
    assert told([SHOT, Spotting(30_000, label, 0.3), KICK_OFF]) == 75_000 - GOAL_MS


def test_a_kick_off_that_comes_late_or_is_not_sure_tells_nothing():
    assert told([SHOT, Spotting(1_000_000, "Kick-off", 0.99)]) == 0
    assert told([SHOT, Spotting(75_000, "Kick-off", 0.7)]) == 0


def test_a_shot_of_the_warm_up_is_a_candidate_that_says_so():
    evidence = Evidence((), ScanSignals(500, (), ()), ScoreSheet.of(()))
    merged = merge_spottings([SHOT, KICK_OFF, LATER], evidence, (), 0.5)
    assert [one.label for one in merged.actions] == ["Kick-off", "Shots off target"]
    assert ("before", "the first kick-off") in merged.candidates[0].evidence


def test_a_mark_of_the_coach_stays():
    evidence = Evidence((), ScanSignals(500, (), ()), ScoreSheet.of(()))
    mark = Spotting(2000, "Shots on target", 1.0)
    merged = merge_spottings([KICK_OFF], evidence, [mark], 0.5)
    assert [one.label for one in merged.actions] == ["Shots on target", "Kick-off"]
