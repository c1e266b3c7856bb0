import numpy as np
import pytest

pytest.importorskip("SoccerNet", reason="SoccerNet's evaluator is not installed")

from touchline.exports.evaluator import evaluate_matches, evaluate_spottings, event_table, warnings_about
from touchline.exports.soccernet import Moment


def test_our_two_labels_stand_behind_soccernets_17():
    table = event_table()
    assert (table["Save"], table["Goal kick"]) == (17, 18)
    assert sorted(table.values()) == list(range(19))


def test_scores_are_those_computed_by_hand():
    # Save: found to the half-second: 1.
    # Goal: found 2 s late. SoccerNet's tolerance is the width of a window around the truth, so that it is right from
    #       4 s on: over 1, 2, 3, 4, 5 s the precision is 0, 0, 0, 1, 1 and the area below it (0 + 0 + 0.5 + 1) / 4.
    # Goal kick: one of two found, which reaches 6 of the 11 recall points.
    # Corner: found, but with a surer false alarm beside it: half.
    # Foul: a false alarm where none occurs: no part of the mean over the labels that occur.
    truth = [
        Moment(1, 300_000, "Save"),
        Moment(1, 60_000, "Goal"),
        Moment(2, 30_000, "Goal kick"),
        Moment(2, 900_000, "Goal kick"),
        Moment(1, 500_000, "Corner"),
    ]
    found = [
        Moment(1, 300_000, "Save", 0.9),
        Moment(1, 62_000, "Goal", 1.0),
        Moment(2, 30_000, "Goal kick", 0.3),
        Moment(1, 500_000, "Corner", 0.6),
        Moment(1, 1_800_000, "Corner", 0.9),
        Moment(1, 1_800_000, "Foul", 0.9),
    ]
    before = np.geterr()
    scores = evaluate_spottings(truth, found)
    average = {label: score.average_precision for label, score in scores.labels.items()}
    assert average["Save"] == pytest.approx({"tight": 1, "loose": 1})
    assert average["Goal"] == pytest.approx({"tight": 0.375, "loose": 1})
    assert average["Goal kick"] == pytest.approx({"tight": 6 / 11, "loose": 6 / 11})
    assert average["Corner"] == pytest.approx({"tight": 0.5, "loose": 0.5})
    assert average["Foul"] == {"tight": 0, "loose": 0}
    total = 1 + 0.375 + 6 / 11 + 0.5
    assert scores.mean_occurring["tight"] == pytest.approx(total / 4)
    assert scores.mean_all["tight"] == pytest.approx(total / 19)
    assert (scores.labels["Goal kick"].truth, scores.labels["Goal kick"].predicted) == (2, 1)
    assert scores.warnings == ()
    assert np.geterr() == before, "numpy's error state is left alone"


def test_several_matches_are_scored_together():
    # One of three goals is found, by the surest of two predictions: 4 of the 11 recall points.
    first = ([Moment(1, 60_000, "Goal"), Moment(2, 60_000, "Goal")], [Moment(1, 60_000, "Goal", 0.9)])
    second = ([Moment(1, 600_000, "Goal")], [Moment(2, 60_000, "Goal", 0.4)])
    scores = evaluate_matches([first, second])
    assert (scores.labels["Goal"].truth, scores.labels["Goal"].predicted) == (3, 2)
    assert scores.mean_occurring["tight"] == pytest.approx(4 / 11)


def test_without_truth_there_is_no_mean_over_what_occurs():
    assert evaluate_spottings([], []).mean_occurring == {"tight": None, "loose": None}


def test_what_soccernet_would_drop_silently_is_told():
    odd = [
        Moment(1, 5000, "Rabona"),
        Moment(3, 5000, "Goal"),
        Moment(1, 7_200_000, "Goal"),
        Moment(1, 60_000, "Corner"),
        Moment(1, 60_400, "Corner"),
    ]
    assert list(warnings_about(odd, [], event_table())) == [
        "1 of the truth carry the label 'Rabona', which no table knows: not scored",
        "1 of the truth lie in another half than 1 and 2: SoccerNet does not score them",
        "1 of the truth lie past 120 minutes of a half: SoccerNet moves them to its end",
        "1 of the truth share a half-second with one of their label: one counts",
    ]
