"""A glance follows from its own step, whatever chunk it is in; tiles add to what the whole frame shows."""

from __future__ import annotations

import numpy as np
import pytest

from support.filmed_field import filmed, textured
from touchline.inference.detector import Detector
from touchline.inference.look import LOOK_MS, look, look_closer, stills
from touchline.seeing.camera import shrink
from touchline.seeing.glance import plain_glance
from touchline.seeing.tiles import merged

FRAMES = 26
MOMENTS = {index: 1000 + 40 * index for index in range(0, FRAMES, 5)}


@pytest.fixture(scope="module")
def detector(settings, tmp_path_factory, save_detector):
    path = save_detector(tmp_path_factory.mktemp("models") / "coco.pt", ("person", "sports ball"))
    return Detector(path, settings, batch=4, least_ball_score=0.03)


@pytest.fixture(scope="module")
def frames():
    field = textured(3)
    return [(index, filmed(field, 200 + 4 * index, 150)) for index in range(FRAMES)]


def looked(frames, detector, **how):
    return [plain_glance(one) for one in look(stills(frames, MOMENTS), detector, **{"every_ms": 200} | how)]


def test_people_are_looked_for_at_each_second_step_and_the_others_tell_of_the_camera_alone(frames, detector):
    every, half = looked(frames, detector), looked(frames, detector, every_ms=LOOK_MS)
    assert [one["looked"] for one in half] == [False, True] * 3
    for one, other in zip(every, half, strict=True):
        assert (other["people"] != []) == (other["looked"] and one["people"] != [])
        assert {key: other[key] for key in ("match_ms", "camera", "cut", "grass")} == {
            key: one[key] for key in ("match_ms", "camera", "cut", "grass")}


@pytest.mark.parametrize("how", [{}, {"closely": True}, {"every_ms": LOOK_MS}])
def test_glances_are_the_same_wherever_a_chunk_begins(frames, detector, how):
    whole = looked(frames, detector, **how)
    assert [one["match_ms"] for one in whole] == [1000, 1200, 1400, 1600, 1800, 2000]
    assert any(one["people"] for one in whole)
    # Two chunks: the second begins one step before its first own moment, which it leaves out again.
    first, second = (looked(part, detector, **how) for part in (frames[:14], frames[10:]))
    assert first + second[1:] == whole


def test_the_camera_is_known_over_whole_steps_only(frames, detector):
    first, *others = looked(frames[3:], detector)
    assert first["camera"] is None
    for one in others:
        assert one["camera"] == pytest.approx([-20 / 320 * 1000, 0, 0], abs=6)
        assert not one["cut"]


def test_a_closer_look_keeps_what_the_whole_frame_shows_once(frames, detector):
    _, frame = frames[0]
    [whole] = detector.detect([frame])
    found = look_closer(frame, shrink(frame), whole, detector)
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    for is_ball in (False, True):
        some = [one for one in found if (one.kind == "ball") == is_ball]
        boxes = np.array([(one.x1, one.y1, one.x2, one.y2) for one in some], np.float32).reshape(-1, 4)
        assert len(merged(boxes, np.array([one.score for one in some], np.float32))) == len(some)
    best = whole[0]
    assert best in found or found[0].score >= best.score
