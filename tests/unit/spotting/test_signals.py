from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchline.domain.chunk import HotWindow
from touchline.spotting import signals

RATE = 16_000
STEP = 500


@pytest.fixture(scope="module")
def crowd() -> np.ndarray:
    """A minute of noise that falls with frequency, as a crowd's murmur does, at about -30 dBFS."""
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft(rng.standard_normal(60 * RATE))
    spectrum /= 1 + (np.fft.rfftfreq(60 * RATE, 1 / RATE) / 600) ** 1.2
    noise = np.fft.irfft(spectrum)
    return (noise / noise.std() * 0.03).astype(np.float32)


def whistle(seconds: float, pitch_hz: float, trill_hz: float = 30.0, level: float = 0.1) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * pitch_hz * time - 110 / trill_hz * np.cos(2 * np.pi * trill_hz * time)
    return (level * np.sin(phase)).astype(np.float32)


def mixed(sound: np.ndarray, other: np.ndarray, at_s: float) -> np.ndarray:
    result = sound.copy()
    begin = round(at_s * RATE)
    result[begin : begin + len(other)] += other
    return result


# --- picture ---------------------------------------------------------------------------------------------------------


def test_the_bytes_of_key_frames_do_not_count():
    times, sizes = [0, 100, 200, 500, 600], [90_000, 100, 300, 90_000, 500]
    per_frame = signals.bytes_per_frame(times, sizes, [True, False, False, True, False], 2)
    assert list(per_frame) == [200, 500]


def test_a_step_without_packets_takes_what_lies_between_its_neighbours():
    per_frame = signals.bytes_per_frame([0, 1000], [100, 300], [False, False], 4)
    assert list(per_frame) == [100, 200, 300, 300]


def test_a_recording_of_key_frames_only_is_measured_by_them():
    assert list(signals.bytes_per_frame([0, 500], [1000, 2000], [True, True], 2)) == [1000, 2000]


def test_no_packets_at_all_are_no_bytes():
    assert list(signals.bytes_per_frame([], [], [], 3)) == [0, 0, 0]


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=50), st.floats(0.1, 100))
def test_motion_lies_between_0_and_1_and_does_not_depend_on_the_bit_rate(sizes, factor):
    nothing = np.zeros(len(sizes), bool)
    usual = signals.motion(np.array(sizes), nothing)
    assert ((usual >= 0) & (usual <= 1)).all()
    assert np.allclose(usual, signals.motion(np.array(sizes) * factor, nothing), atol=1e-6)


def test_motion_grows_with_bytes_and_is_0_where_the_picture_is_dead():
    motion = signals.motion(np.array([1000, 1500, 2000, 3000, 10.0]), np.array([0, 0, 0, 0, 1], bool))
    assert list(motion[:4]) == sorted(motion[:4])
    assert motion[4] == 0


def test_candidates_are_long_joined_and_reach_to_the_ends():
    small, large = 10.0, 5000.0
    stretches = [(large, 2), (small, 20), (large, 3), (small, 20), (large, 20), (small, 4), (large, 20)]
    per_frame = np.repeat([size for size, _ in stretches], [count for _, count in stretches])
    assert signals.dead_candidates(per_frame, 1280 * 720) == [(0, 45)]


def test_what_was_measured_as_the_floor_is_a_candidate_and_real_footage_is_not():
    pixels = 1920 * 1080
    assert signals.dead_candidates(np.full(40, 0.0005 * pixels), pixels)
    assert not signals.dead_candidates(np.full(40, 0.0011 * pixels), pixels)


def look(level: float, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    picture = level + noise * np.random.default_rng(seed).standard_normal((90, 160, 3))
    return np.clip(picture, 0, 255).astype(np.uint8)


def test_black_noisy_black_and_frozen_pictures_are_dead():
    still = look(120, 40, 3)
    assert signals.is_dead([look(0)] * 3)
    assert signals.is_dead([look(6, 2, number) for number in range(3)])
    assert signals.is_dead([still, still, still])


def test_a_wide_picture_in_which_a_few_pixels_move_is_alive():
    pictures = [look(100, 20, 1) for _ in range(3)]
    pictures[2][40:43, 80:82] = 255
    assert not signals.is_dead(pictures)
    assert not signals.is_dead([])
    assert not signals.is_dead([look(100, 20, 1)])


# --- sound -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [1000, 8000, 65_536, 999_999])
def test_the_size_of_the_blocks_does_not_matter(crowd, block):
    sound = mixed(crowd, whistle(0.6, 3500), 20.2)
    whole = signals.listen([sound], 120)
    parts = signals.listen([sound[at : at + block] for at in range(0, len(sound), block)], 120)
    assert np.array_equal(whole.loudness_db, parts.loudness_db)
    assert np.array_equal(whole.whistle, parts.whistle)


def test_loudness_is_in_decibels_of_full_scale():
    time = np.arange(RATE) / RATE
    sound = signals.listen([np.sin(2 * np.pi * 440 * time).astype(np.float32)], 4)
    assert list(np.round(sound.loudness_db, 1)) == [-3.0, -3.0, -100.0, -100.0]


@pytest.mark.parametrize("pitch_hz", [2100, 2800, 3500, 4300])
@pytest.mark.parametrize("seconds", [0.25, 0.55, 1.3])
def test_a_whistle_is_heard_in_the_steps_that_it_touches(crowd, pitch_hz, seconds):
    found = signals.listen([mixed(crowd, whistle(seconds, pitch_hz), 20.1)], 120).whistle
    assert found[40] >= signals.signal_table()["whistle"]["hot"]
    assert not found[:39].any()
    assert not found[44:].any()


def test_a_whistle_across_two_steps_is_heard_in_both(crowd):
    found = signals.listen([mixed(crowd, whistle(0.2, 3500), 20.4)], 120).whistle
    assert found[40] > 0
    assert found[41] > 0


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(whistle(0.08, 3500), id="too short"),
        pytest.param(whistle(1.0, 1200), id="too low"),
        pytest.param(whistle(1.0, 6000), id="too high"),
        pytest.param(whistle(1.0, 3500, level=0.0005), id="too quiet"),
        pytest.param(np.concatenate([whistle(0.06, pitch) for pitch in (2100, 3900, 2600, 4400) * 5]), id="a melody"),
    ],
)
def test_what_is_no_whistle_is_not_heard_as_one(crowd, sound):
    assert not signals.listen([mixed(crowd, sound, 20.1)], 120).whistle.any()


def test_a_crowd_alone_does_not_whistle(crowd):
    assert not signals.listen([crowd], 120).whistle.any()


def test_a_roar_is_a_surge_and_a_murmur_is_none():
    loudness = np.full(240, -30.0)
    loudness[100:112] = -18.0
    surge = signals.surge(loudness)
    assert surge[102:110].min() > 0.9
    assert surge[:97].max() == surge[116:].max() == 0


def test_a_second_half_that_is_louder_as_a_whole_is_no_surge():
    assert signals.surge(np.concatenate([np.full(600, -40.0), np.full(600, -28.0)])).max() < 0.35


@pytest.mark.parametrize("level", [-100.0, -95.0])
def test_silence_and_hiss_do_not_surge(level):
    loudness = np.full(240, -100.0)
    loudness[100:110] = level
    assert signals.surge(loudness).max() == 0


@pytest.mark.parametrize("steps", range(1, 12))
def test_a_film_of_a_few_steps_has_a_surge_for_each(steps):
    assert signals.surge(np.linspace(-40.0, -10.0, steps)).shape == (steps,)


@pytest.mark.parametrize("count", [0, 1, 4095, 4096, 9000])
def test_a_running_median_is_the_same_in_blocks(count):
    values = np.random.default_rng(5).normal(size=count)
    expected = [np.median(values[max(0, at - 5) : at + 6]) for at in range(count)]
    assert signals.running_median(values, 10).tolist() == expected


def test_without_sound_there_are_no_values():
    assert len(signals.surge(np.zeros(0))) == 0


# --- what is hot -----------------------------------------------------------------------------------------------------

LONG_MS = 600_000


def flags(*runs: tuple[int, int], steps: int = LONG_MS // STEP) -> np.ndarray:
    result = np.zeros(steps, bool)
    for first, end in runs:
        result[first:end] = True
    return result


def test_hot_windows_are_padded_merged_and_stay_within_the_match():
    # steps:   0..4 |            400..402 |   430 |                      1199
    # windows: 0 ------ 10 s     192 s ------------- 223.5 s             591.5 s --- 600 s
    hot = flags((0, 4), (400, 402), (430, 431), (1199, 1200))
    assert signals.hot_windows(hot, flags(), LONG_MS) == [
        HotWindow(0, 10_000),
        HotWindow(192_000, 223_500),
        HotWindow(591_500, 600_000),
    ]


def test_a_short_match_is_hot_as_a_whole_if_anything_can_be_seen():
    steps = 200
    assert signals.hot_windows(flags(steps=steps), flags((0, 199), steps=steps), 100_000) == [HotWindow(0, 100_000)]
    assert signals.hot_windows(flags(steps=steps), flags((0, 200), steps=steps), 100_000) == []


def test_a_long_match_without_anything_has_no_window():
    assert signals.hot_windows(flags(), flags((0, 1200)), LONG_MS) == []


def test_sound_adds_hot_steps_and_takes_none_away():
    moving, nothing = np.array([0.9, 0.0, 0.0, 0.0]), np.zeros(4)
    loud = np.array([0.0, 0.9, 0.0, 0.0])
    assert list(signals.hot_steps(moving, nothing, nothing)) == [True, False, False, False]
    assert list(signals.hot_steps(moving, loud, nothing)) == [True, True, False, False]
    assert list(signals.hot_steps(moving, nothing, loud)) == [True, True, False, False]
    assert list(signals.hot_steps(moving, np.zeros(0), np.zeros(0))) == [True, False, False, False]


@given(st.lists(st.booleans(), min_size=241, max_size=600))
def test_every_hot_step_lies_in_exactly_one_window(bits):
    duration = len(bits) * STEP - 100
    hot = np.array(bits)
    windows = signals.hot_windows(hot, np.zeros(len(bits), bool), duration)
    assert windows == sorted(windows, key=lambda window: window.start_ms)
    for before, after in pairwise(windows):
        assert before.end_ms < after.start_ms
    for number in np.flatnonzero(hot):
        middle = min(number * STEP + STEP // 2, duration - 1)
        assert sum(window.start_ms <= middle < window.end_ms for window in windows) == 1
