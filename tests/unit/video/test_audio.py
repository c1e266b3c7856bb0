from __future__ import annotations

import numpy as np
import pytest

from touchline.video.audio import decode_audio

RATE = 16_000
BEEP = "aevalsrc='if(between(t,2,2.2),0.8*sin(2*PI*1000*t),0)':s=48000"


def samples_of(recording) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.float32), *decode_audio(recording)])


def beep_ms(samples: np.ndarray) -> tuple[float, float]:
    loud = np.flatnonzero(np.abs(samples) > 0.3)
    return loud[0] * 1000 / RATE, loud[-1] * 1000 / RATE


@pytest.mark.parametrize(
    ("name", "extra"),
    [("beep.mp4", ()), ("beep.mkv", ()), ("beep.ts", ("-output_ts_offset", "50")), ("beep.flv", ("-c:v", "flv"))],
)
def test_a_beep_is_heard_where_it_is(make_recording, probed, name, extra):
    samples = samples_of(probed(make_recording(name, sound=BEEP, extra=extra)))
    assert samples.dtype == np.float32
    assert beep_ms(samples) == pytest.approx((2000, 2200), abs=30)


def test_sound_before_the_first_shown_frame_is_left_out(make_recording, probed, tmp_path, ffmpeg):
    path = tmp_path / "from-1.3.mp4"
    ffmpeg("-ss", 1.3, "-i", make_recording("beep.mp4", sound=BEEP), "-c", "copy", path)
    assert beep_ms(samples_of(probed(path)))[0] == pytest.approx(700, abs=50)


@pytest.mark.parametrize("offset_s", [0.8, -0.8])
def test_sound_that_starts_apart_from_the_picture_is_aligned(make_recording, probed, tmp_path, ffmpeg, offset_s):
    path = tmp_path / "apart.mkv"
    source = make_recording("beep.mp4", sound=BEEP)
    ffmpeg("-i", source, "-itsoffset", offset_s, "-i", source, "-map", "0:v", "-map", "1:a", "-c", "copy", path)
    samples = samples_of(probed(path))
    assert beep_ms(samples)[0] == pytest.approx(2000 + 1000 * offset_s, abs=40)
    if offset_s > 0:
        assert np.abs(samples[: int(0.7 * RATE)]).max() < 0.01


def test_a_gap_in_the_sound_is_filled(make_recording, probed, tmp_path, ffmpeg):
    path = tmp_path / "gap.mkv"
    source = make_recording("tone.mp4", sound="sine=1000")
    ffmpeg("-i", source, "-map", 0, "-c:v", "copy", "-af", "aselect='not(between(t,2,3))'", "-c:a", "pcm_s16le", path)
    samples = samples_of(probed(path))
    assert len(samples) == pytest.approx(6 * RATE, rel=0.01)
    assert np.abs(samples[int(2.3 * RATE) : int(2.7 * RATE)]).max() < 0.02
    assert np.abs(samples[int(4.5 * RATE) : int(5.5 * RATE)]).max() > 0.05


def test_sound_is_no_longer_than_the_picture(make_recording, probed, tmp_path, ffmpeg):
    path = tmp_path / "long-sound.mkv"
    ffmpeg("-i", make_recording("short.mp4", seconds=2), "-f", "lavfi", "-i", "sine=440:d=5", "-c:v", "copy", path)
    recording = probed(path)
    assert len(samples_of(recording)) == recording.duration_ms * RATE // 1000 == 2 * RATE


def test_blocks_are_no_larger_than_promised_and_none_comes_without_sound(make_recording, probed):
    blocks = list(decode_audio(probed(make_recording("tone.mp4", sound="sine=1000"))))
    assert len(blocks) == 2
    assert max(map(len, blocks)) == 1 << 16
    assert not list(decode_audio(probed(make_recording("mute.mp4"))))
