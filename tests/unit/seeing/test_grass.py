"""Grass is found, by day and at night, and who stands on it."""

from __future__ import annotations

import numpy as np
import pytest

from touchline.seeing.glance import kit_colours
from touchline.seeing.grass import find_green, grass_mask, pitch_region, stand_on

DAY, NIGHT = (60, 140, 50), (98, 104, 95)


def stadium(green) -> np.ndarray:
    """A stand above a pitch that begins at two fifths of the height, with a player in white on it."""
    picture = np.full((108, 192, 3), (120, 100, 140), np.uint8)
    picture[43:] = green
    picture[60:90, 90:100] = 240
    return picture


@pytest.mark.parametrize("green", [DAY, NIGHT])
def test_the_pitch_is_what_is_green_with_the_people_on_it(green):
    picture = stadium(green)
    mask = grass_mask(picture, find_green(picture))
    assert mask.mean() == pytest.approx(0.6 - 300 / (108 * 192), abs=0.02)
    region = pitch_region(mask)
    assert region is not None
    assert region[75, 95]
    feet = np.array([[0.5, 0.83], [0.5, 0.2], [0.1, 0.45], [1.0, 1.0]], np.float32)
    assert stand_on(region, feet).tolist() == [True, False, True, True]


def test_without_grass_nobody_is_judged():
    picture = np.full((108, 192, 3), (150, 90, 60), np.uint8)
    green = find_green(picture)
    assert green is None
    assert pitch_region(grass_mask(picture, green)) is None
    assert stand_on(None, np.zeros((3, 2), np.float32)).all()


def test_a_shirt_is_seen_without_the_grass_around_it_and_a_green_one_is_green():
    picture = stadium(DAY)
    picture[60:90, 94:96] = (200, 20, 20)
    picture[60:90, 140:150] = (20, 190, 60)
    boxes = np.array([[90, 60, 100, 90], [140, 60, 150, 90]], np.float32) / np.array([192, 108] * 2, np.float32)
    (white, green) = kit_colours(picture, boxes, find_green(picture))
    assert white[0] > 200
    assert green[1] < 100
