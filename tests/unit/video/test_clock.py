from __future__ import annotations

import time

import numpy as np
import pytest

from touchline.errors import BadRecordingError
from touchline.video.clock import STEADY_PACKETS, clock_text, gap_text, gaps, refuse_clock_that_goes_back
from touchline.video.probe import probe_recording


def frames(start_ms: int, end_ms: int) -> np.ndarray:
    return np.arange(start_ms, end_ms, 40, dtype=np.int64)


def joined(*parts: np.ndarray) -> np.ndarray:
    return np.concatenate(parts)


def test_a_clock_that_goes_back_for_good_means_two_recordings():
    with pytest.raises(BadRecordingError, match=r"a\.ts holds two recordings: its clock goes back from 0:24 to 0:00"):
        refuse_clock_that_goes_back("a.ts", joined(frames(0, 24_000), frames(0, 24_000)))


def test_many_short_recordings_in_one_file_are_several_recordings_too():
    with pytest.raises(BadRecordingError, match="from 0:06 to 0:00"):
        refuse_clock_that_goes_back("a.ts", np.tile(frames(0, 6000), 10))


@pytest.mark.parametrize(
    "times",
    [
        frames(0, 24_000),
        joined(frames(0, 24_000), frames(20_000, 48_000)),  # a recorder that connected again
        joined(frames(0, 24_000), frames(24_000 + 600_000, 660_000)),
        joined(frames(0, 24_000), [9_000_000] * 3, frames(24_000, 48_000)),  # damaged time stamps
        joined(frames(0, 24_000), [0], frames(24_000, 48_000)),
        frames(0, 24_000).reshape(-1, 4)[:, [0, 3, 1, 2]].ravel(),  # frames in the order of decoding
        np.zeros(0, np.int64),
        np.zeros(1, np.int64),
    ],
)
def test_damage_and_reordered_frames_do_not(times):
    refuse_clock_that_goes_back("a.ts", np.asarray(times, np.int64))


def test_a_clock_that_goes_back_all_the_time_is_judged_within_seconds():
    started = time.monotonic()
    with pytest.raises(BadRecordingError):
        refuse_clock_that_goes_back("a.ts", np.tile(np.repeat([0, 60_000], STEADY_PACKETS), 400_000))
    assert time.monotonic() - started < 60


def test_long_stretches_without_a_picture_are_named():
    times = joined(frames(0, 24_000), frames(34_500, 40_000), frames(640_000, 650_000))
    assert gaps(times, 650_000) == [(23_960, 34_500), (39_980, 640_000)]
    assert gap_text("a.ts", (39_960, 640_000)) == "a.ts has no picture from 0:40 to 10:40: nothing is looked for there"


def test_times_are_written_as_people_read_them():
    assert [clock_text(ms) for ms in (-5, 23_960, 3_605_000)] == ["0:00", "0:24", "1:00:05"]


# --- looked up at places of the file ---------------------------------------------------------------------------------


@pytest.fixture
def part(make_recording):
    """Two seconds of a stream whose clock begins at a time in seconds."""

    def make(name: str, at_s: float) -> bytes:
        codec = ("-c:v", "mpeg2video", "-b:v", "1M") if name.endswith(".mpg") else ()
        return make_recording(name, seconds=2, codec=codec, sound="sine=440",
                              extra=("-output_ts_offset", str(at_s), "-muxdelay", "0.1")).read_bytes()

    return make


@pytest.mark.parametrize("name", ["a.ts", "a.m2ts", "a.mpg"])
def test_two_streams_joined_by_cat_are_refused_with_the_moment(part, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(part(name, 60) + part(name, 0))
    with pytest.raises(BadRecordingError, match=r"two recordings: its clock goes back from 0:02 to 0:00; cut it there"):
        probe_recording(path, "")


def test_a_clock_that_begins_again_after_its_33_bits_runs_on(part, tmp_path):
    wraps_at_s = 2**33 / 90_000
    path = tmp_path / "wrap.ts"
    path.write_bytes(part("a.ts", wraps_at_s - 1))
    assert probe_recording(path, "").duration_ms == 2000


def test_streams_whose_clock_runs_on_are_one_recording(part, tmp_path):
    path = tmp_path / "on.ts"
    path.write_bytes(part("a.ts", 10) + part("a.ts", 12))
    assert probe_recording(path, "").duration_ms == 4000
