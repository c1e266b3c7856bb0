"""The camera's move is what it was, and a cut is a cut."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from support.filmed_field import HEIGHT, STAND, WIDTH, filmed, shrunk, textured
from touchline.seeing.camera import Link, carry, chain, goes_on, link_frames, prepare, small_size

SMALL = (192, 108)


@pytest.mark.parametrize(("width", "height", "size"), [
    (1280, 720, (192, 108)), (640, 480, (192, 144)), (360, 640, (192, 342)), (2, 2, (192, 192)), (4000, 2, (192, 2))])
def test_the_camera_is_followed_in_pictures_of_one_width_and_an_even_height(width, height, size):
    assert small_size(width, height) == size


@pytest.fixture(scope="module")
def field():
    return textured(3)


def links_of(frames):
    small = [prepare(shrunk(frame)) for frame in frames]
    return [link_frames(before, after) for before, after in pairwise(small)]


@pytest.mark.parametrize(("across", "down", "nearer"), [(8, 0, 1.0), (-14, 3, 1.0), (0, 0, 1.02), (6, -4, 0.985)])
def test_pan_tilt_and_zoom_over_five_frames_are_found(field, across, down, nearer):
    places = [(300 + across * step, 200 + down * step, nearer**step) for step in range(6)]
    move, is_cut = chain(links_of([filmed(field, *place) for place in places]), *SMALL)
    left, top, scale = places[-1]
    # Where the point that was in the middle of the first frame lies in the last one.
    x, y = (300 + WIDTH / 2 - left) * scale, (200 + HEIGHT / 2 - top) * scale
    expected = (x / WIDTH - 0.5, y / HEIGHT - 0.5, np.log2(scale))
    assert move == pytest.approx(expected, abs=0.006)
    assert not is_cut


def test_people_who_move_otherwise_do_not_move_the_camera(field):
    frames = []
    for step in range(6):
        frame = filmed(field, 300 + 6 * step, 200)
        for row in range(6):
            x = 30 + 45 * row + 4 * step
            frame[60:110, x : x + 14] = (200, 30 + 20 * row, 40)
        frames.append(frame)
    move, _ = chain(links_of(frames), *SMALL)
    assert move == pytest.approx((-30 / WIDTH, 0, 0), abs=0.006)


def test_a_cut_to_another_picture_is_a_cut_and_a_fast_pan_is_not(field):
    stand = textured(5, STAND)
    (cut,) = links_of([filmed(field, 100, 100), filmed(stand, 300, 100)])
    (pan,) = links_of([filmed(field, 100, 100), filmed(field, 114, 100)])
    assert cut.is_cut
    assert cut.matrix is None
    assert not pan.is_cut
    assert pan.matrix is not None


def test_pictures_without_anything_in_them_give_no_move():
    black, green = np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.full((HEIGHT, WIDTH, 3), (90, 140, 60), np.uint8)
    still, change = links_of([black, black, green])
    assert still.matrix is not None
    assert change.matrix is None
    assert change.is_cut


def test_one_move_that_is_not_known_makes_the_whole_not_known():
    assert chain([Link(np.eye(3), False), Link(None, True)], *SMALL) == (None, True)


def test_a_move_that_no_camera_makes_is_not_known():
    nothing, far = np.diag([0.0, 0.0, 1.0]), np.eye(3)
    far[0, 2] = 192 * 6
    for matrix in (nothing, far):
        assert chain([Link(matrix, False)], *SMALL) == (None, False)


def test_the_same_frames_give_the_same_move(field):
    frames = [filmed(field, 300 + 9 * step, 200) for step in range(3)]
    assert chain(links_of(frames), *SMALL) == chain(links_of(frames), *SMALL)


def test_points_are_carried_with_the_picture():
    assert carry(np.array([[0.5, 0.5], [0.75, 0.5]]), (0.1, 0.0, 1.0)).tolist() == [[0.6, 0.5], [1.1, 0.5]]


def filmed_with_people(field, first, count, *, across=0, pause=0, light=0):
    """Frames of a camera that pans, over people who walk; after a pause they are elsewhere, under other light."""
    frames = []
    for step in range(first, first + count):
        frame = filmed(field, 200 + across * step, 200).astype(np.int16)
        for row in range(8):
            x = 20 + 37 * row + 2 * (step + pause) % 60
            frame[50 + 9 * row : 95 + 9 * row, x : x + 14] = (200, 30 + 20 * row, 40)
        frames.append(prepare(shrunk(np.clip(frame + light, 0, 255).astype(np.uint8))))
    return frames


@pytest.mark.parametrize("across", [0, 7])
def test_a_film_that_was_cut_into_files_goes_on(field, across):
    assert goes_on(filmed_with_people(field, 0, 10, across=across), filmed_with_people(field, 10, 10, across=across))


def test_a_camera_that_was_stopped_does_not_go_on(field):
    before = filmed_with_people(field, 0, 10)
    assert not goes_on(before, filmed_with_people(field, 10, 10, pause=37))
    assert not goes_on(before, filmed_with_people(field, 10, 10, light=6))
    assert not goes_on(before, filmed_with_people(textured(5, STAND), 10, 10))


def test_where_nothing_is_seen_nothing_goes_on(field):
    some = filmed_with_people(field, 0, 3)
    assert not any(goes_on(*pair) for pair in (([], some), (some, []), (some[:1], some[1:2]), ([], [])))
