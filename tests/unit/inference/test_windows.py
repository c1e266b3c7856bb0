from fractions import Fraction

import numpy as np
import pytest

from touchline.domain.chunk import Chunk, HotWindow
from touchline.domain.recording import Timeline
from touchline.inference.chunk_overlap import watched_frames
from touchline.inference.windows import (
    Stretch,
    fit,
    frame_index,
    frame_ms,
    owned_moments,
    samples,
    stretches,
)

FPS = Fraction(5)


def chunk(start, end, *hot):
    return Chunk(0, start, end, tuple(HotWindow(*one) for one in hot))


def stream(first, count):
    """Frames whose pixels say which they are."""
    return [(index, np.full((4, 8, 3), index, np.uint8)) for index in range(first, first + count)]


def cut(frames, moments, offset_ms=0, length=4):
    centres = [frame_index(moment - offset_ms, FPS) for moment in moments]
    return list(samples(frames, moments, centres, length, (4, 8)))


def shown(sample):
    return sample.window[:, 0, 0, 0].tolist()


def test_a_chunk_owns_the_multiples_of_the_stride_in_its_hot_windows():
    #  chunk      |1000 ............... 6000|
    #  hot     0....1700        3200.4000      5600..9000
    found = owned_moments(chunk(1000, 6000, (0, 1700), (3200, 4000), (5600, 9000)), 800)
    assert found == [1600, 3200, 5600]


def test_chunks_that_meet_own_every_moment_once():
    hot = (0, 10_000)
    whole = owned_moments(chunk(0, 10_000, hot), 800)
    for border in (800, 1234, 5600, 5601):
        assert owned_moments(chunk(0, border, hot), 800) + owned_moments(chunk(border, 10_000, hot), 800) == whole


def test_moments_are_decoded_in_one_go_until_a_gap_or_the_end_of_the_recording():
    found = stretches([0, 800, 2400, 3200, 4000, 9600], 800, Timeline((3000, 6000)))
    assert found == [Stretch(0, (0, 800)), Stretch(0, (2400,)), Stretch(1, (3200, 4000))]


@pytest.mark.parametrize(("ms", "index"), [(0, 0), (99, 0), (100, 1), (299, 1), (300, 2), (1000, 5)])
def test_a_moment_shows_the_nearest_frame_of_the_grid(ms, index):
    assert frame_index(ms, FPS) == index


def test_frames_of_the_grid_keep_their_index_when_their_time_is_rounded():
    for fps in (FPS, Fraction(25, 3), Fraction(30_000, 1001)):
        for index in range(200):
            assert frame_index(round(index * 1000 / fps), fps) == index
            assert frame_index(frame_ms(index, fps), fps) == index


def test_a_window_lies_around_its_centre():
    #  frames  0 1 2 3 4 5 6 7      moment 800 ms is frame 4: two before it, itself, one after it
    (sample,) = cut(stream(0, 8), [800])
    assert shown(sample) == [2, 3, 4, 5]


def test_windows_at_the_ends_repeat_the_first_and_last_frame():
    first, _, last = cut(stream(0, 9), [0, 800, 1600])
    assert shown(first) == [0, 0, 0, 1]
    assert shown(last) == [6, 7, 8, 8]


def test_a_recording_that_ends_early_repeats_its_last_frame():
    last = cut(stream(0, 6), [0, 800, 1600])[-1]
    assert shown(last) == [5, 5, 5, 5]


def test_no_frames_give_no_samples():
    assert cut([], [0, 800]) == []


def test_a_window_has_the_same_frames_from_every_chunk():
    moments = list(range(0, 12_000, 800))
    whole = {sample.match_ms: sample for sample in cut(stream(0, 61), moments, length=16)}
    for border in range(1, len(moments)):
        for part in (moments[:border], moments[border:]):
            centres = [frame_index(moment, FPS) for moment in part]
            first, last = watched_frames(centres, 16)
            for sample in cut(stream(first, min(last, 60) - first + 1), part, length=16):
                assert shown(sample) == shown(whole[sample.match_ms])


def test_only_a_few_frames_are_held_at_once():
    held = set()

    class Pixels(np.ndarray):
        def __del__(self):
            held.discard(id(self))

    def endless():
        for index in range(500):
            pixels = np.zeros((4, 8, 3), np.uint8).view(Pixels)
            held.add(id(pixels))
            yield index, pixels
            assert len(held) < 30

    moments = list(range(0, 99_000, 800))
    for _ in samples(endless(), moments, [frame_index(moment, FPS) for moment in moments], 16, (2, 4)):
        pass


def test_a_wide_picture_fills_the_window_and_another_shape_gets_bars():
    wide = fit(np.full((36, 64, 3), 200, np.uint8), (18, 32))
    assert wide.shape == (18, 32, 3)
    assert wide.min() == 200
    square = fit(np.full((36, 36, 3), 200, np.uint8), (18, 32))
    assert square[:, 7:25].min() == 200
    assert square[:, :7].max() == square[:, 25:].max() == 0
