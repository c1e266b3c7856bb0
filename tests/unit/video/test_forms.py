"""Whatever form a recording has, frames come upright, progressive and in 8 bits, in any size."""

from __future__ import annotations

import struct
from fractions import Fraction

import numpy as np
import pytest

from touchline.video.cut import ClipStyle, cut_clip
from touchline.video.decode import decode_frames, grab_frame

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "12", "-pix_fmt", "yuv420p", "-threads", "1")
INTERLACED = (*X264, "-flags", "+ilme+ildct", "-x264-params", "tff=1")
MOVING = (
    "color=c=0x206020:s=256x128:r=50:d=2[grass];color=c=white:s=40x64:r=50:d=2[post];"
    "[grass][post]overlay=x='8+8*mod(n,24)':y=32,tinterlace=interleave_top,setfield=tff"
)
HLG = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-color_trc", "arib-std-b67",
       "-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-x265-params", "log-level=0")


@pytest.fixture(scope="session")
def interlaced(ffmpeg, probed, tmp_path_factory):
    """A white post moves 8 px from field to field, over 25 frames a second."""
    path = tmp_path_factory.mktemp("interlaced") / "camcorder.mts"
    ffmpeg("-f", "lavfi", "-i", MOVING, *INTERLACED, path)
    return probed(path)


def test_an_interlaced_recording_is_told_and_keeps_its_rate(interlaced, make_recording, probed):
    assert interlaced.video.is_interlaced
    assert (interlaced.video.fps, interlaced.duration_ms) == (25, 2000)
    assert not probed(make_recording("plain.mp4")).video.is_interlaced


def test_interlaced_frames_without_a_word_in_the_header_are_told(make_recording, probed):
    assert probed(make_recording("dv.avi", filters="setfield=bff,scale=720:576",
                                 codec=("-c:v", "dvvideo", "-pix_fmt", "yuv420p"))).video.is_interlaced


def test_no_frame_shows_two_moments(interlaced, probed, tmp_path):
    cv2 = pytest.importorskip("cv2")
    size = {"width": 256, "height": 128}
    frames = [frame.pixels for frame in decode_frames(interlaced, 0, 2000, fps=Fraction(25), **size)]
    cut_clip(interlaced, 0, 2000, tmp_path / "clip.mkv", ClipStyle(256, 128, Fraction(25), crf=10))
    clip = probed(tmp_path / "clip.mkv")
    reel = [frame.pixels for frame in decode_frames(clip, 0, 2000, fps=Fraction(25), **size)]
    thumbnail = cv2.imdecode(np.frombuffer(grab_frame(interlaced, 1000, 256), np.uint8), cv2.IMREAD_COLOR)
    assert len(frames) == len(reel) == 50
    assert not clip.video.is_interlaced
    assert max(_combed(picture) for picture in (*frames, *reel, thumbnail)) < 0.01


def test_interlaced_frames_are_the_same_wherever_reading_begins(interlaced):
    asked = {"fps": Fraction(25), "width": 64, "height": 32}
    whole = {frame.recording_ms: frame.pixels.tobytes() for frame in decode_frames(interlaced, 0, 2000, **asked)}
    for start_ms in (40, 1000, 1480):
        for frame in decode_frames(interlaced, start_ms, start_ms + 120, **asked):
            assert frame.pixels.tobytes() == whole[frame.recording_ms]


def _combed(pixels: np.ndarray) -> float:
    """The part of the pixels that differ from both neighbours above and below, as in two fields of a moving thing."""
    rows = pixels.astype(int).mean(axis=2)
    before, here, after = rows[:-2], rows[1:-1], rows[2:]
    return float((((here - before) * (here - after) > 0) & (np.abs(2 * here - before - after) > 80)).mean())


@pytest.mark.parametrize("size", ["320x180", "180x320", "426x240", "66x130"])
def test_hdr_of_any_size_is_shown_in_any_size(make_recording, probed, tmp_path, size):
    width, height = (int(side) for side in size.split("x"))
    recording = probed(make_recording("phone.mov", seconds=1, codec=HLG, filters=f"scale={size},setsar=1"))
    assert recording.video.is_hdr
    for wanted in (320, 66, width):
        assert grab_frame(recording, 500, wanted).startswith(b"\xff\xd8")
    for odd in ((111, 63), (width - 1, height), (width, height - 1)):
        frame = next(decode_frames(recording, 0, 1000, fps=Fraction(5), width=odd[0], height=odd[1]))
        assert frame.pixels.shape == (odd[1], odd[0], 3)
    assert cut_clip(recording, 0, 400, tmp_path / "clip.mkv", ClipStyle(160, 90, Fraction(25))) == 10


@pytest.mark.parametrize("matrix", [
    (1, 0, 0, 1), (-1, 0, 0, 1), (-1, 0, 0, -1), (1, 0, 0, -1),
    (0, 1, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, -1, -1, 0),
])  # fmt: skip
def test_a_picture_is_shown_as_its_matrix_says(make_recording, probed, tmp_path, matrix):
    content = bytearray(make_recording("quarters.mp4", seconds=1, filters=_quarters()).read_bytes())
    a, b, c, d = (number << 16 for number in matrix)
    at = content.index(struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30), content.index(b"tkhd"))
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path = tmp_path / "turned.mp4"
    path.write_bytes(content)
    width, height = (64, 32) if matrix[0] else (32, 64)
    frame = next(decode_frames(probed(path), 0, 200, fps=Fraction(5), width=width, height=height))
    levels = frame.pixels.mean(axis=2).reshape(2, height // 2, 2, width // 2).mean(axis=(1, 3))
    assert levels == pytest.approx(_shown(matrix), abs=12)


GREYS = np.array([[250.0, 170.0], [90.0, 20.0]])


def _quarters() -> str:
    greys = {(x, y): f"{int(GREYS[y, x]):02x}" * 3 for y in (0, 1) for x in (0, 1)}
    return ",".join(f"drawbox=x={x}*iw/2:y={y}*ih/2:w=iw/2:h=ih/2:t=fill:color=0x{grey}"
                    for (x, y), grey in greys.items())


def _shown(matrix: tuple[int, int, int, int]) -> np.ndarray:
    """x and y go to a x + c y and b x + d y, moved so that both begin at 0 (ISO/IEC 14496-12, 8.3.2)."""
    a, b, c, d = matrix
    shown = np.zeros((2, 2))
    for y in (0, 1):
        for x in (0, 1):
            shown[(b * x + d * y) % 2 if min(b, d) >= 0 else 1 + b * x + d * y,
                  (a * x + c * y) % 2 if min(a, c) >= 0 else 1 + a * x + c * y] = GREYS[y, x]
    return shown
