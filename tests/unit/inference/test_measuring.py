import numpy as np
import pytest

from touchline.domain.detection import Detection
from touchline.inference.measuring import average_precision, best_thresholds, detection_precision, spotting_precision


def test_a_perfect_order_has_precision_one():
    assert average_precision([0.9, 0.8, 0.1], [True, True, False], 2) == 1.0


def test_what_is_never_found_counts():
    assert average_precision([0.9], [True], 4) == 0.25


def test_a_wrong_one_in_front_lowers_it():
    assert average_precision([0.9, 0.8], [False, True], 1) == 0.5


def test_nothing_found_is_zero():
    assert average_precision([], [], 3) == 0.0


def test_a_true_box_counts_once():
    box = Detection("player", 0.9, 0.1, 0.1, 0.2, 0.3)
    again = Detection("player", 0.8, 0.1, 0.1, 0.2, 0.3)
    truth = [[("player", 0.1, 0.1, 0.2, 0.3), ("player", 0.5, 0.5, 0.6, 0.7)]]
    assert detection_precision([[box, again]], truth) == {"player": 0.5}


def test_windows_around_one_action_are_one_spotting():
    #  ms      0   800  1600  2400  ...  8000
    #  goal        0.9  0.8              0.6 (nothing happens)
    moments = [0, 800, 1600, 2400, 8000]
    scores = np.array([[0.1], [0.9], [0.8], [0.2], [0.6]], np.float32)
    found = spotting_precision(moments, scores, [(1000, 0), (60_000, 0)], ["Goal"])
    assert found == {"Goal": {"actions": 2, "average_precision": pytest.approx(0.5), "found": 0.5, "false_alarms": 1}}


def test_the_best_threshold_is_where_f1_is_greatest():
    #  goal at 10 s and 30 s; peaks 0.3 (right), 0.2 (right), 0.1 (wrong): two of two found from 0.2 on
    moments = [10_000, 20_000, 30_000]
    scores = np.array([[0.3, 0.1], [0.1, 0.9], [0.2, 0.1]], np.float32)
    found = best_thresholds(moments, scores, [(10_000, 0), (30_000, 0)], ["Goal", "Save"])
    assert found == [pytest.approx(0.2), None]
