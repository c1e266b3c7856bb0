"""Key frames come at their own times, and nothing else is decoded."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from touchline.video.decode import decode_frames
from touchline.video.key_frames import decode_key_frames
from touchline.video.probe import probe_recording


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 s with a key frame every 2 s."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=10", "-t", "12", "-g", "20",
                    "-keyint_min", "20", "-sc_threshold", "0", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt",
                    "yuv420p", path], check=True)
    return path


@pytest.mark.parametrize(("apart_ms", "times"), [(0, [0, 2000, 4000, 6000, 8000, 10_000]), (3000, [0, 4000, 8000])])
def test_each_has_its_time_and_its_picture(film: Path, apart_ms: int, times: list[int]) -> None:
    recording = probe_recording(film, "0" * 64)
    frames = list(decode_key_frames(recording, apart_ms, 320, 180))
    assert [frame.recording_ms for frame in frames] == times
    every = {frame.recording_ms: frame.pixels for frame in
             decode_frames(recording, 0, 12_000, fps=recording.video.fps, width=320, height=180)}
    assert all(np.array_equal(frame.pixels, every[frame.recording_ms]) for frame in frames)


def test_a_window_is_that_part_of_the_picture(film: Path) -> None:
    recording = probe_recording(film, "0" * 64)
    (whole, *_), (part, *_) = (list(decode_key_frames(recording, 0, 320, 180, window=window))
                               for window in (None, (11, 7, 101, 33)))
    assert np.array_equal(part.pixels, whole.pixels[7:40, 11:112])
