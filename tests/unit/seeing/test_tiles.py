"""Tiles cover the picture, only those with grass are needed, and a person who is in two of them is one."""

from __future__ import annotations

import numpy as np
import pytest

from touchline.seeing.tiles import from_tile, merged, needed_tiles, tile_size

ALL = np.ones((108, 192), bool)
FEW = np.zeros((0, 4), np.float32)


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (720, 1280), (852, 480), (321, 181)])
def test_the_tiles_of_a_green_picture_cover_it_and_have_one_size(width, height):
    number = np.arange(width * height)
    picture = np.stack([number % 256, number // 256 % 256, number // 65536], axis=1).astype(np.uint8)
    picture = picture.reshape(height, width, 3)
    tiles = needed_tiles(np.ones((height, width), bool), FEW)
    assert len(tiles) == 6
    size = tile_size(width, height)
    crops = [tile.crop(picture, size) for tile in tiles]
    assert {crop.shape for crop in crops} == {(size[1], size[0], 3)}
    seen = {int(code) for crop in crops for code in np.unique(crop.astype(np.int64) @ np.array([1, 256, 65536]))}
    assert len(seen) == width * height


def test_tiles_without_grass_and_pictures_of_large_people_need_none():
    lower = ALL.copy()
    lower[:60] = False
    assert {tile.y2 for tile in needed_tiles(lower, FEW)} == {1.0}
    large = np.array([[0.4, 0.2, 0.6, 0.9]], np.float32)
    assert needed_tiles(ALL, large) == []


def test_a_box_at_an_inner_edge_is_cut_off_and_one_at_the_pictures_edge_is_not():
    left_top = needed_tiles(ALL, FEW)[0]
    boxes = np.array([[0.0, 0.0, 0.2, 0.3], [0.9, 0.5, 1.0, 0.8], [0.5, 0.5, 0.6, 0.7]], np.float32)
    moved, whole = from_tile(boxes, left_top)
    assert whole.tolist() == [True, False, True]
    np.testing.assert_allclose(moved[2], [0.5 * left_top.x2, 0.5 * left_top.y2, 0.6 * left_top.x2, 0.7 * left_top.y2],
                               rtol=1e-6)


def test_one_person_is_kept_once_with_the_best_score_and_neighbours_stay():
    boxes = np.array([[0.10, 0.1, 0.20, 0.4], [0.11, 0.1, 0.21, 0.4],  # the same person twice
                      [0.10, 0.1, 0.20, 0.22],  # their upper half
                      [0.16, 0.1, 0.26, 0.4]], np.float32)  # somebody beside them
    assert merged(boxes, np.array([0.6, 0.8, 0.5, 0.7], np.float32)).tolist() == [1, 3]
