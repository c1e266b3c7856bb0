"""A glance follows from its own step, whatever chunk it is in; where people are small they are looked at closer."""

from __future__ import annotations

import numpy as np
import pytest

from support.filmed_field import filmed, shrunk, textured
from touchline.domain.detection import Detection
from touchline.inference.detector import Detector
from touchline.inference.look import LOOK_FRAMES, look, stills
from touchline.seeing.glance import deserves_closer_look, plain_glance

FRAMES = 26
MOMENTS = {index: 1000 + 40 * index for index in range(0, FRAMES, 5)}


@pytest.fixture(scope="module")
def detector(settings, tmp_path_factory, save_detector):
    path = save_detector(tmp_path_factory.mktemp("models") / "coco.pt", ("person", "sports ball"))
    return Detector(path, settings, batch=4, least_ball_score=0.03)


@pytest.fixture(scope="module")
def frames():
    field = textured(3)
    pictures = [filmed(field, 200 + 4 * index, 150) for index in range(FRAMES)]
    return [(index, shrunk(picture), picture if index % LOOK_FRAMES == 5 else None)
            for index, picture in enumerate(pictures)]


def looked(frames, detector):
    return [plain_glance(one) for one in look(stills(frames, MOMENTS), detector)]


def test_people_are_looked_for_where_there_is_a_full_frame_and_the_others_tell_of_the_camera(frames, detector):
    found, alone = looked(frames, detector), looked([(*one[:2], None) for one in frames], detector)
    assert [one["looked"] for one in found] == [False, True] * 3
    assert [bool(one["people"]) for one in found] == [False, True] * 3
    for one, other in zip(found, alone, strict=True):
        assert (other["looked"], other["people"], other["balls"]) == (False, [], [])
        assert {key: other[key] for key in ("match_ms", "camera", "cut", "grass")} == {
            key: one[key] for key in ("match_ms", "camera", "cut", "grass")}


def test_glances_are_the_same_wherever_a_chunk_begins(frames, detector):
    whole = looked(frames, detector)
    assert [one["match_ms"] for one in whole] == [1000, 1200, 1400, 1600, 1800, 2000]
    # Two chunks: the second begins one step before its first own moment, which it leaves out again.
    first, second = (looked(part, detector) for part in (frames[:14], frames[10:]))
    assert first + second[1:] == whole


def test_the_camera_is_known_over_whole_steps_only(frames, detector):
    first, *others = looked(frames[3:], detector)
    assert first["camera"] is None
    for one in others:
        assert one["camera"] == pytest.approx([-20 / 320 * 1000, 0, 0], abs=6)
        assert not one["cut"]


def people(height, count=12, score=0.8):
    return [Detection("player", score, 0.05 * place, 0.5 - height, 0.05 * place + 0.02, 0.5)
            for place in range(count)]


@pytest.mark.parametrize(("seen", "closer"), [
    ([], True), (people(0.3, 2), True), (people(0.04), True), (people(0.07), False), (people(0.07, score=0.15), True),
    (people(0.07) + people(0.07, 4, 0.15), False), (people(0.1, score=0.15), False)])
def test_a_closer_look_is_for_much_grass_with_people_who_are_low_or_unsure_or_not_found(seen, closer):
    assert deserves_closer_look(np.full((108, 192, 3), (60, 140, 50), np.uint8), seen) == closer
    assert not deserves_closer_look(np.full((108, 192, 3), 90, np.uint8), seen)


def test_wide_shots_are_looked_at_closer_by_a_detector_that_can(frames, detector, monkeypatch):
    closer = people(0.06, 15)
    monkeypatch.setattr(detector, "detect", lambda frames: [people(0.04) for _ in frames])
    monkeypatch.setattr(detector, "detect_closely", lambda frame: closer)
    assert [len(one["people"]) // 8 for one in looked(frames, detector)] == [0, 15] * 3
    monkeypatch.setattr(detector, "detect_closely", lambda frame: None)
    assert [len(one["people"]) // 8 for one in looked(frames, detector)] == [0, 12] * 3
