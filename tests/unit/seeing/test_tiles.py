"""Tiles cover the picture, only those with grass are needed, and a person who is in two of them is one."""

from __future__ import annotations

import numpy as np

from touchline.seeing.tiles import from_tile, merged, needed_tiles, tile_size

ALL = np.ones((108, 192), bool)
FEW = np.zeros((0, 4), np.float32)


def test_the_tiles_of_a_green_picture_cover_it():
    seen = np.zeros((720, 1280), bool)
    picture = np.dstack([np.indices(seen.shape)[0] % 251, np.indices(seen.shape)[1] % 241, seen]).astype(np.uint8)
    tiles = needed_tiles(ALL, FEW)
    assert len(tiles) == 6
    size = tile_size(1280, 720)
    for tile in tiles:
        crop = tile.crop(picture, size)
        assert crop.shape == (size[1], size[0], 3)
        seen[round(tile.y1 * 720) : round(tile.y2 * 720), round(tile.x1 * 1280) : round(tile.x2 * 1280)] = True
    assert seen.all()


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
