"""Every real file works from end to end, or is refused in one line."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from touchline.domain.recording import Recording
from touchline.errors import BadRecordingError, IncompleteRecordingError
from touchline.video.audio import decode_audio
from touchline.video.complete import check_complete
from touchline.video.concat import concat_clips
from touchline.video.cut import ClipStyle, cut_clip
from touchline.video.decode import decode_frames, grab_frame
from touchline.video.packets import video_packets
from touchline.video.probe import probe_recording
from touchline.video.verify import verify_video

FOOTAGE = Path(__file__).resolve().parents[3] / "shared" / "footage"
BAD = {"androidx_sample_audio_only_15s.mp4", "androidx_sample_malformed_free_box.mp4"}
STYLE = ClipStyle(320, 180, Fraction(25))

pytestmark = [
    pytest.mark.footage,
    pytest.mark.skipif(not FOOTAGE.is_dir(), reason=f"the real footage is not here: {FOOTAGE} is not a folder"),
]


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (FOOTAGE / folder).glob("*") if path.name not in BAD)


@pytest.fixture(params=files("clips", "robust"), ids=lambda path: path.name)
def recording(request) -> Recording:
    return probe_recording(request.param, "")


def test_is_complete(recording):
    assert check_complete(Path(recording.path)).duration_ms == recording.duration_ms


def test_a_moment_has_the_same_pixels_wherever_reading_begins(recording):
    end_ms = min(recording.duration_ms, 8_000)
    fps, size = Fraction(10), {"width": 64, "height": 36}
    frames = decode_frames(recording, 0, end_ms, fps=fps, **size)
    whole = {frame.recording_ms: frame.pixels.tobytes() for frame in frames}
    assert len(whole) == -(-end_ms * 10 // 1000)
    borders = [0, end_ms // 3, end_ms // 2 + 7, end_ms]
    parts = {frame.recording_ms: frame.pixels.tobytes() for start, end in pairwise(borders)
             for frame in decode_frames(recording, start, end, fps=fps, **size)}
    assert parts == whole


def test_packets_and_sound_keep_the_time_of_the_picture(recording):
    times_ms = video_packets(recording).times_ms
    assert times_ms.min() >= -1
    assert times_ms.max() <= recording.duration_ms
    samples = sum(map(len, decode_audio(recording)))
    assert samples <= recording.duration_ms * 16
    if recording.audio is None:
        assert samples == 0


def test_is_cut_and_joined_to_the_frame(recording, tmp_path):
    start_ms = recording.duration_ms // 3
    end_ms = start_ms + min(1200, recording.duration_ms // 2)
    clip, reel = tmp_path / "clip.mkv", tmp_path / "reel.mp4"
    frames = cut_clip(recording, start_ms, end_ms, clip, STYLE)
    verify_video(clip, frames, round(frames * 40))
    concat_clips([clip, clip], reel, STYLE.fps)
    verify_video(reel, 2 * frames, round(2 * frames * 40))
    assert grab_frame(recording, start_ms, 160).startswith(b"\xff\xd8")


def test_a_cut_at_its_own_rate_shows_the_frames_of_the_recording(recording, tmp_path):
    if recording.video.is_variable_rate or recording.video.is_hdr:
        pytest.skip("frames of a variable rate have no numbers, and tone mapping at two sizes differs")
    video, size = recording.video, {"width": 64, "height": 36}
    first = int(recording.duration_ms * video.fps / 2000)
    start_ms = round(first / video.fps * 1000)
    style = ClipStyle(video.width // 2 * 2, video.height // 2 * 2, video.fps, crf=4)
    count = cut_clip(recording, start_ms, start_ms + 160, tmp_path / "clip.mkv", style)
    clip = probe_recording(tmp_path / "clip.mkv", "")
    cut = [frame.pixels.astype(int) for frame in decode_frames(clip, 0, 10_000, fps=video.fps, **size)]
    assert len(cut) == count
    margin_ms = int(1500 / video.fps)
    source = [frame.pixels.astype(int) for frame in decode_frames(
        recording, start_ms - margin_ms, start_ms + 2 * margin_ms, fps=video.fps, **size)]
    distances = [float(np.abs(picture - cut[0]).mean()) for picture in source]
    assert distances[1] == min(distances)


@pytest.mark.parametrize("name", sorted(BAD))
def test_what_cannot_be_used_is_refused_in_one_line(name):
    with pytest.raises(BadRecordingError) as caught:
        probe_recording(FOOTAGE / "robust" / name, "")
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises((BadRecordingError, IncompleteRecordingError)):
        check_complete(FOOTAGE / "robust" / name)


@pytest.mark.parametrize("path", files("clips"), ids=lambda path: path.name)
@pytest.mark.parametrize("part", [0.4, 0.95])
def test_a_real_recording_that_is_still_being_copied_is_incomplete(path, part, tmp_path):
    content = path.read_bytes()
    size = int(len(content) * part)
    for name, rest in (("growing.mp4", b""), ("reserved.mp4", bytes(len(content) - size))):
        target = tmp_path / name
        target.write_bytes(content[:size] + rest)
        with pytest.raises(IncompleteRecordingError):
            check_complete(target)
