from __future__ import annotations

import pytest

from touchline.errors import TouchlineError
from touchline.video.verify import decode_all, verify_video


@pytest.fixture
def video(make_recording):
    return make_recording("whole.mp4", sound="sine=440", extra=("-movflags", "+faststart"))


def test_a_whole_video_is_accepted(video):
    verify_video(video, 150, 6000)
    assert decode_all(video).frames == 150


def test_a_missing_frame_is_told(video):
    with pytest.raises(TouchlineError, match="150 frames instead of 151"):
        verify_video(video, 151, 6000)


@pytest.mark.parametrize("duration_ms", [5900, 6100])
def test_sound_of_another_length_is_told(video, duration_ms):
    with pytest.raises(TouchlineError, match=rf"ms of (picture|sound) instead of {duration_ms}"):
        verify_video(video, 150, duration_ms)


def test_a_video_without_sound_has_sound_of_no_length(make_recording):
    with pytest.raises(TouchlineError, match="0 ms of sound"):
        verify_video(make_recording("mute.mp4"), 150, 6000)


def test_a_picture_that_runs_too_fast_is_told(video, tmp_path, ffmpeg):
    path = tmp_path / "fast.mp4"
    ffmpeg("-i", video, "-c:a", "copy", "-vf", "setpts=PTS/2", "-r", 50, path)
    with pytest.raises(TouchlineError, match="ms of picture instead of 6000"):
        verify_video(path, 150, 6000)


@pytest.mark.parametrize("part", [0.5, 0.95])
def test_damage_is_told(video, tmp_path, part):
    content = video.read_bytes()
    path = tmp_path / "damaged.mp4"
    at = int(len(content) * part)
    path.write_bytes(content[:at] + b"\xaa" * 200 + content[at + 200 :])
    with pytest.raises(TouchlineError, match=r"damaged\.mp4"):
        verify_video(path, 150, 6000)
