"""Measures of spottings, on films whose answers are known by hand."""

from __future__ import annotations

import math

import pytest

from touchline.domain.action import Spotting
from touchline.training.baselines import motion_and_sound, uniform
from touchline.training.spotting_figures import (
    SpottedFilm,
    calibration_error,
    goal_figures,
    most_expected,
    near_precision,
    shot_figures,
    soccernet_figures,
)

MINUTES = 60_000


def film(truth, spotted, minutes=45):
    return SpottedFilm(minutes * MINUTES, tuple(Spotting(ms, label, 1.0) for ms, label in truth),
                       tuple(Spotting(ms, label, sure) for ms, label, sure in spotted))


def test_the_bound_of_a_count_is_that_of_the_tables():
    known = {0: 2.996, 1: 4.744, 2: 6.296, 5: 10.513, 10: 16.962, 100: 118.079}
    assert {count: most_expected(count) for count in known} == pytest.approx(known, abs=1e-3)
    assert most_expected(0) == pytest.approx(-math.log(0.05))


def test_goals_found_and_false_ones_per_ninety_minutes():
    first = film([(100_000, "Goal"), (900_000, "Goal")], [(104_000, "Goal", 0.9), (500_000, "Goal", 0.6)])
    second = film([(100_000, "Goal")], [(100_000, "Save", 0.9), (99_000, "Goal", 0.3), (101_000, "Goal", 0.2)])
    figures = goal_figures([first, second])
    assert figures == {"goals": 3, "found": 2, "recall": 0.667, "false": 2, "false per 90 min": 2.0, "bound": 6.3}
    assert goal_figures([first, second], least=0.5)["found"] == 1
    assert goal_figures([film([], [])])["recall"] is None


def test_a_shot_counts_once_and_whether_it_was_on_target_does_not_matter():
    one = film([(100_000, "Shots on target"), (300_000, "Shots off target")],
               [(104_900, "Shots off target", 0.9), (100_000, "Shots on target", 0.8), (310_000, "Shots on target", 1)])
    assert shot_figures([one]) == {"shots": 2, "found": 1, "false": 2, "precision": 0.333, "recall": 0.5, "f1": 0.4}
    assert shot_figures([film([], [])])["f1"] is None


def test_calibration_is_the_gap_between_confidence_and_what_is_right():
    # Four at 0.85 of which three are right, and one at 1.0 that is wrong: 4/5 · 0.10 + 1/5 · 1.0.
    truth = [(number * 100_000, "Foul") for number in range(3)]
    spotted = [(number * 100_000, "Foul", 0.85) for number in range(4)]
    figures = calibration_error([film(truth, [*spotted, (0, "Corner", 1.0)])])
    assert figures["error"] == pytest.approx(0.28)
    assert figures["bins"] == [[4, 0.85, 0.75], [1, 1.0, 0.0]]
    assert calibration_error([film(truth, [])])["error"] is None


def test_of_two_spottings_near_one_action_the_surer_is_right():
    figures = calibration_error([film([(5000, "Foul")], [(4000, "Foul", 0.95), (5000, "Foul", 0.55)])])
    assert figures["bins"] == [[1, 0.55, 0.0], [1, 0.95, 1.0]]


def test_only_labels_that_occur_often_are_averaged():
    often = [(number * 60_000, "Corner") for number in range(10)]
    found = [(ms, label, 0.9) for ms, label in often]
    assert near_precision([film([*often, (0, "Goal")], found)]) == 1.0
    assert near_precision([film([(0, "Goal")], found)]) is None


def test_films_are_scored_together_however_many_there_are():
    pytest.importorskip("SoccerNet", reason="SoccerNet's evaluator is not installed")
    # Twelve films of 21 minutes do not go into one match of SoccerNet's; in the last one the corner is missed.
    films = [film([(30_000, "Corner")], [(30_000, "Corner", 0.9)] if number < 11 else [], 21) for number in range(12)]
    figures = soccernet_figures(films)
    assert figures["labels"]["Corner"]["truth"] == 12
    assert figures["minutes"] == 252
    assert figures["tight"] == figures["loose"] == pytest.approx(10 / 11, abs=1e-3)


def test_the_uniform_guess_says_every_label_every_ten_seconds():
    found = uniform(25_000, ("Goal", "Foul"))
    assert [one.match_ms for one in found if one.label == "Goal"] == [0, 10_000, 20_000]
    assert len(found) == 6


def test_peaks_of_motion_and_sound_are_guesses():
    quiet = [0.0] * 40
    scan = {"step_ms": 500, "surge": quiet[:], "whistle": quiet[:], "motion": [0.5] * 40}
    scan["surge"][10:13] = [0.4, 0.8, 0.8]
    scan["whistle"][30] = 0.7
    found = motion_and_sound(scan)
    assert Spotting(3950, "Shots on target", 0.8) in found, "the crowd takes its time"
    assert [one for one in found if one.label == "Foul"] == [Spotting(15_250, "Foul", 0.7)]
    assert [one.match_ms for one in found if one.label == "Goal"] == [4850], "of equal steps the first"


def test_without_sound_nothing_is_guessed_from_it():
    found = motion_and_sound({"step_ms": 500, "surge": [], "whistle": [], "motion": [0.2, 0.9, 0.2]})
    assert {one.label for one in found} == {"Clearance", "Corner", "Goal kick", "Ball out of play", "Throw-in",
                                            "Substitution"}
