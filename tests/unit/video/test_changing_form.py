"""A recording may change its size, shape, format or sound half way: nothing is counted twice, and nothing shifts."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from touchline.video.audio import decode_audio
from touchline.video.complete import check_complete
from touchline.video.cut import ClipStyle, cut_clip
from touchline.video.decode import decode_frames, grab_frame
from touchline.video.verify import verify_video

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-g", "50", "-bf", "0", "-threads", "1")
SECOND_HALF = "trim=start_frame=50,setpts=PTS-STARTPTS"
FPS, SIZE = Fraction(25), {"width": 128, "height": 64}
BEEPS = "aevalsrc='0.6*sin(2*PI*1000*t)*lt(mod(t,1),0.06)':s=48000"
RATE = 16_000
PICTURES = {
    "larger": ("scale=256:128", "yuv420p", 128),
    "smaller and not quite alike": ("scale=66:34", "yuv420p", 124),
    "wider by its pixels": ("setsar=2", "yuv420p", 128),
    "upright": ("scale=32:64,setsar=1", "yuv420p", 32),
    "whole chroma": ("null", "yuv444p", 128),
    "ten bits": ("null", "yuv420p10le", 128),
}
"""Filters and format of the second half, and how wide its picture is in a box of 128 x 64."""
SOUNDS = {
    "5.1 after stereo": (("-c:a", "ac3", "-ac", 2), ("-c:a", "ac3", "-ac", 6)),
    "mono after 5.1": (("-c:a", "ac3", "-ac", 6), ("-c:a", "ac3", "-ac", 1)),
}


@pytest.fixture(scope="session")
def change(make_recording, probed, tmp_path_factory):
    """Two seconds of one form, then two of another, in one transport stream; frames 0 to 99."""

    def make(filters: str = "null", pix_fmt: str = "yuv420p", first=(), second=(), sound=None):
        sound = sound and f"{sound}:d=2"
        codec = (*X264, "-pix_fmt", "yuv420p")
        before = make_recording("a.ts", seconds=2, codec=codec, sound=sound, extra=first)
        after = make_recording("b.ts", seconds=4, codec=(*X264, "-pix_fmt", pix_fmt), sound=sound,
                               filters=f"{SECOND_HALF},{filters}", extra=(*second, "-output_ts_offset", 2))
        return probed(_joined(tmp_path_factory.mktemp("change") / "joined.ts", before, after))

    return make


def _joined(path: Path, *parts: Path) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


@pytest.fixture(params=PICTURES, scope="session")
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="session")
def recording(kind, change):
    return change(*PICTURES[kind][:2])


def test_every_frame_comes_once_in_the_size_that_was_asked_for(kind, recording, number_in):
    frames = [frame.pixels for frame in decode_frames(recording, 0, 4000, fps=FPS, **SIZE)]
    assert {frame.shape for frame in frames} == {(64, 128, 3)}
    assert [number_in(frame) for frame in frames[:50]] == list(range(50))
    assert [number_in(_inner(frame, kind)) for frame in frames[50:]] == list(range(50, 100))


def test_a_clip_over_the_change_has_its_frames_and_length(kind, recording, probed, number_in, tmp_path):
    clip = tmp_path / "clip.mkv"
    assert cut_clip(recording, 1000, 3000, clip, ClipStyle(128, 64, FPS, crf=10)) == 50
    verify_video(clip, 50, 2000)
    frames = [frame.pixels for frame in decode_frames(probed(clip), 0, 2000, fps=FPS, **SIZE)]
    assert [number_in(frame) for frame in frames[:25]] == list(range(25, 50))
    assert [number_in(_inner(frame, kind)) for frame in frames[25:]] == list(range(50, 75))


def test_a_picture_can_be_grabbed_on_both_sides(recording):
    for at_ms in (500, 1960, 2000, 3500):
        assert grab_frame(recording, at_ms, 64).startswith(b"\xff\xd8")


def test_a_picture_keeps_its_shape_when_the_shape_changes(change):
    #  before: 128 x 64      after: 128 x 64 with pixels twice as wide: a band across the middle
    white = change("setsar=2,drawbox=color=white:t=fill")
    frame = next(decode_frames(white, 3000, 3040, fps=FPS, **SIZE)).pixels
    assert frame[18:46].min() > 200
    assert max(frame[:14].max(), frame[50:].max()) < 40


@pytest.mark.parametrize("kind", SOUNDS)
def test_sound_that_changes_its_form_stays_on_the_clock(change, probed, tmp_path, kind):
    first, second = SOUNDS[kind]
    recording = change(first=first, second=second, sound=BEEPS)
    samples = np.concatenate(list(decode_audio(recording)))
    assert len(samples) == pytest.approx(4 * RATE, abs=0.1 * RATE)
    assert _beeps_s(samples) == pytest.approx([0, 1, 2, 3], abs=0.06)
    clip = tmp_path / "clip.mkv"
    frames = cut_clip(recording, 500, 3500, clip, ClipStyle(128, 64, FPS))
    verify_video(clip, frames, 3000)
    assert _beeps_s(np.concatenate(list(decode_audio(probed(clip))))) == pytest.approx([0.5, 1.5, 2.5], abs=0.06)


def test_sound_that_overlaps_where_two_recordings_were_joined_stays_with_its_picture(make_recording, probed, tmp_path):
    codec = (*X264, "-pix_fmt", "yuv420p", "-c:a", "mp2")
    before = make_recording("a.ts", seconds=2, codec=codec, sound=f"{BEEPS}:d=2.08")
    after = make_recording("b.ts", seconds=2, codec=codec, sound=f"{BEEPS}:d=2", extra=("-output_ts_offset", 2))
    samples = np.concatenate(list(decode_audio(probed(_joined(tmp_path / "joined.ts", before, after)))))
    assert _beeps_s(samples) == pytest.approx([0, 1, 2, 3], abs=0.045)


def test_sound_that_changes_its_rate_stays_on_the_clock(make_recording, probed, tmp_path):
    codec = (*X264, "-pix_fmt", "yuv420p", "-c:a", "mp2")
    before = make_recording("a.ts", seconds=8, codec=codec, sound=f"{BEEPS}:d=8", extra=("-ar", 48_000))
    after = make_recording("b.ts", seconds=2, codec=codec, sound=f"{BEEPS}:d=2",
                           extra=("-ar", 32_000, "-output_ts_offset", 8))
    recording = probed(_joined(tmp_path / "joined.ts", before, after))
    assert _beeps_s(np.concatenate(list(decode_audio(recording)))) == pytest.approx(range(10), abs=0.06)


def test_a_change_of_form_near_the_end_is_no_missing_end(change):
    sound = {"first": ("-c:a", "ac3", "-ac", 2), "second": ("-c:a", "ac3", "-ac", 6), "sound": BEEPS}
    assert check_complete(Path(change("scale=256:128", **sound).path)).duration_ms == pytest.approx(4000, abs=10)


def _inner(pixels: np.ndarray, kind: str) -> np.ndarray:
    """The picture of the second half without the black beside it, in a width that has eight equal strips."""
    width = PICTURES[kind][2]
    columns = (128 - width) // 2 + np.arange(128) * width // 128
    return pixels[:, columns]


def _beeps_s(samples: np.ndarray) -> list[float]:
    loud = np.flatnonzero(np.abs(samples) > 0.1) / RATE
    return [float(at) for number, at in enumerate(loud) if not number or at - loud[number - 1] > 0.3]
