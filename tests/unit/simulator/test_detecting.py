"""A detector that is said to see badly sees as badly as that."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from touchline.simulator.detecting import SHIRTS, DetectorNoise, NoisyDetector
from touchline.simulator.sight import Seen

PERFECT = DetectorNoise(missed=0.0, small_px=1e-6, small_spread=2.0, hidden=0.0, missed_s=0.5, jitter=0.0,
                        false_boxes=0.0, ball_seen=1.0, ball_px=1e-6, wrong_balls=0.0, wrong_shirt=0.0, rim=0.0)
ROWS = (0, 3, 14, 11, 22, 30)
SEEN = Seen([("player", 100.0 * at, 100.0, 100.0 * at + 20, 150.0) for at in range(6)]
            + [("ball", 300.0, 300.0, 308.0, 308.0)], (304.0, 304.0), ROWS)


def looks(noise, seen=SEEN, times=2000):
    detector = NoisyDetector(noise, 1, 1280, 720)
    return [detector.detect(seen) for _ in range(times)]


def test_a_perfect_one_sees_what_is_there():
    found, = looks(PERFECT, times=1)
    assert found.people.tolist() == [list(box[1:]) for box in SEEN.boxes[:6]]
    shirts = [SHIRTS[shirt] for shirt in found.shirts]
    assert shirts == ["home keeper", "home", "away", "away keeper", "referee", "other"]
    assert found.ball == pytest.approx(SEEN.ball, abs=8)


@pytest.mark.parametrize(("changes", "share"), [
    ({"missed": 0.3}, 0.7), ({"small_px": 50.0}, 0.5), ({"small_px": 100.0, "small_spread": 2.0}, 0.02)])
def test_as_many_are_missed_as_it_says(changes, share):
    seen = np.mean([len(found.people) for found in looks(replace(PERFECT, **changes))]) / 6
    assert seen == pytest.approx(share, abs=0.04)


def test_who_is_missed_stays_missed_for_a_while():
    def changes(lasts_s):
        counts = [len(found.people) for found in looks(replace(PERFECT, missed=0.5, missed_s=lasts_s))]
        return np.mean(np.diff(counts) != 0)

    assert changes(20.0) < 0.6 * changes(0.01)


def test_who_stands_behind_another_is_missed_more_often():
    behind = Seen([("player", 100, 100, 120, 150), ("player", 100, 101, 120, 151)], None, (3, 4))
    found = looks(replace(PERFECT, hidden=0.8), behind)
    assert np.mean([len(one.people) for one in found]) == pytest.approx(1.2 + 0.8 / 50, abs=0.05)


def test_boxes_shake_with_the_size_of_the_person_and_false_ones_appear():
    found = looks(replace(PERFECT, jitter=0.06))
    assert np.std([one.people[0, 0] for one in found if one.people[0, 0] > 0]) < 3.5
    assert np.std([one.people[1, 1] for one in found]) == pytest.approx(3.0, rel=0.1)
    counts = [len(one.people) for one in looks(replace(PERFECT, false_boxes=2.0))]
    assert np.mean(counts) == pytest.approx(8.0, abs=0.15)


def test_small_balls_are_lost_and_wrong_ones_found():
    seen = [one.ball for one in looks(replace(PERFECT, ball_px=8.0))]
    assert np.mean([ball is not None for ball in seen]) == pytest.approx(0.5, abs=0.06)
    wrong = [one.ball for one in looks(replace(PERFECT, wrong_balls=0.5), replace(SEEN, ball=None))]
    assert np.mean([ball is not None for ball in wrong]) == pytest.approx(0.5, abs=0.08)


def test_a_wrong_ball_stays_where_it_is_for_some_steps():
    wrong = [one.ball for one in looks(replace(PERFECT, wrong_balls=0.5), Seen([], None))]
    stays = [one == other for one, other in pairwise(wrong) if one is not None and other is not None]
    assert np.mean(stays) > 0.7


def test_boxes_reach_beyond_the_person_by_the_rim():
    found, = looks(replace(PERFECT, rim=0.1), times=1)
    assert found.people[0].tolist() == pytest.approx([0.0, 95.0, 20.0, 155.0])


def test_a_frame_without_anybody_is_no_error():
    found, = looks(replace(PERFECT, jitter=0.1, hidden=0.5), Seen([], None), times=1)
    assert found.people.shape == (0, 4)
    assert found.ball is None
