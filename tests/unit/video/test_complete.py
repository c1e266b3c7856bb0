from __future__ import annotations

import struct
import subprocess
from fractions import Fraction

import pytest

from touchline.errors import BadRecordingError, IncompleteRecordingError
from touchline.video.boxes import boxes
from touchline.video.complete import check_complete
from touchline.video.decode import decode_frames
from touchline.video.ending import look_at_end
from touchline.video.probe import probe_recording

FAST = ("-movflags", "+faststart")
FLV = ("-c:v", "flv")
SMALLEST_WRITE = 4096
"""Whoever copies a file writes at least a page at once."""
KINDS = {
    "index at the end": {"name": "whole.mp4"},
    "index in front": {"name": "fast.mp4", "extra": FAST},
    "fragments": {"name": "fragments.mp4", "extra": ("-movflags", "+frag_keyframe+empty_moov")},
    "matroska": {"name": "whole.mkv"},
    "transport": {"name": "whole.ts"},
    "camera transport": {"name": "whole.m2ts"},
    "flv": {"name": "whole.flv", "codec": FLV},
    "avi": {"name": "whole.avi", "codec": ("-c:v", "mpeg4")},
    "program": {"name": "whole.mpg", "codec": ("-c:v", "mpeg2video")},
    "short": {"name": "short.mp4", "seconds": 0.2},
    "one group": {"name": "group.mp4", "codec": ("-c:v", "libx264", "-g", "1000", "-sc_threshold", "0"), "seconds": 10},
    "sound ends early": {"name": "early.mkv", "sound": "sine=440:d=2"},
}


@pytest.fixture(params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture
def path(make_recording, kind):
    return make_recording(**{"sound": "sine=440", **KINDS[kind]})


def test_a_whole_recording_is_complete(path):
    assert check_complete(path).duration_ms > 0


CUT_KINDS = [kind for kind in KINDS if kind not in ("program", "short")]


@pytest.mark.parametrize("kind", CUT_KINDS, indirect=True)
@pytest.mark.parametrize("part", [0.3, 0.99])
def test_a_recording_that_was_cut_short_is_not(path, kind, part, tmp_path):
    content = path.read_bytes()
    size = int(len(content) * part)
    if "transport" in kind:
        size = size // 188 * 188 + 100
    target = tmp_path / path.name
    target.write_bytes(content[:size])
    with pytest.raises(IncompleteRecordingError, match="is not complete: ") as caught:
        check_complete(target)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("part", [0.0, 0.6, 0.99])
def test_a_recording_with_zeros_where_its_end_will_be_is_not(path, part, tmp_path):
    content = path.read_bytes()
    size = min(int(len(content) * part), max(0, len(content) - SMALLEST_WRITE))
    target = tmp_path / path.name
    target.write_bytes(content[:size] + bytes(len(content) - size))
    with pytest.raises(IncompleteRecordingError, match="is not complete: "):
        check_complete(target)


@pytest.fixture
def long_enough(make_recording):
    """Films whose last second holds more than a page of bytes, with or without digital silence as sound."""

    def make(name: str, *sound_codec: str, extra: tuple[str, ...] = ()):
        filters = "noise=alls=30:allf=t"
        silence = "anullsrc=r=48000:cl=stereo" if sound_codec else None
        return make_recording(name, seconds=4, filters=filters, sound=silence, extra=(*sound_codec, *extra))

    return make


SILENT = {
    "mov": ("silent.mov", ()),
    "mov with its index in front": ("silent-front.mov", FAST),
    "matroska": ("silent.mkv", ()),
    "matroska that was never closed": ("silent-live.mkv", ("-live", "1")),
}


@pytest.mark.parametrize("kind", SILENT)
def test_digital_silence_at_the_end_is_no_missing_data(long_enough, kind):
    name, extra = SILENT[kind]
    path = long_enough(name, "-c:a", "pcm_s24le", "-shortest", extra=extra)
    assert check_complete(path).duration_ms == 4000


@pytest.mark.parametrize("kind", SILENT)
@pytest.mark.parametrize("part", [0.3, 0.8])
def test_silent_sound_does_not_hide_that_the_end_is_missing(long_enough, kind, part, tmp_path):
    name, extra = SILENT[kind]
    content = long_enough(name, "-c:a", "pcm_s24le", "-shortest", extra=extra).read_bytes()
    size = int(len(content) * part)
    target = tmp_path / name
    target.write_bytes(content[:size] + bytes(len(content) - size))
    with pytest.raises(IncompleteRecordingError) as caught:
        check_complete(target)
    assert caught.value.usable_ms is None


@pytest.mark.parametrize("rest", [b'<?xml version="1.0"?><recording venue="pitch 2"/>\n', bytes(5000), b"\xff" * 99])
def test_what_an_app_wrote_behind_a_whole_mp4_does_not_matter(make_recording, tmp_path, rest):
    path = tmp_path / "match.mp4"
    path.write_bytes(make_recording("whole.mp4", sound="sine=440").read_bytes() + rest)
    assert check_complete(path).duration_ms == 6000


def test_the_next_box_of_an_mp4_that_is_not_whole_yet_matters(make_recording, tmp_path):
    path = tmp_path / "match.mp4"
    rest = struct.pack(">I4s", 5000, b"mdat") + b"x" * 99
    path.write_bytes(make_recording("whole.mp4", sound="sine=440").read_bytes() + rest)
    with pytest.raises(IncompleteRecordingError, match="its mdat box ends at byte"):
        check_complete(path)


OPEN = {
    "transport": ("whole.ts", ()),
    "transport, within a packet": ("whole.ts", ()),
    "matroska that was never closed": ("live.mkv", ("-live", "1")),
    "flv": ("whole.flv", FLV),
    "fragments": ("fragments.mp4", ("-movflags", "+frag_keyframe+empty_moov")),
}


@pytest.mark.parametrize("kind", OPEN)
def test_a_recorder_that_was_stopped_leaves_what_can_be_used_as_far_as_it_decodes(make_recording, tmp_path, kind):
    name, extra = OPEN[kind]
    content = make_recording(name, sound="sine=440", extra=extra).read_bytes()
    size = len(content) * 9 // 10 // 188 * 188 - (100 if "within" in kind else 0)
    path = tmp_path / name
    path.write_bytes(content[:size] + (b"\x47" if "within" in kind else b""))
    with pytest.raises(IncompleteRecordingError) as caught:
        check_complete(path)
    assert caught.value.usable_ms is not None
    assert 3500 < caught.value.usable_ms <= 6000
    recording = probe_recording(path, "")
    assert recording.duration_ms == caught.value.usable_ms
    shown = list(decode_frames(recording, 0, recording.duration_ms, fps=Fraction(25), width=128, height=64))
    assert len(shown) == round(recording.duration_ms / 40)


@pytest.mark.parametrize("name", ["whole.mp4", "whole.mkv"])
def test_half_of_a_file_that_says_how_long_it_is_cannot_be_used(make_recording, tmp_path, name):
    content = make_recording(name, sound="sine=440", extra=FAST if name.endswith("mp4") else ()).read_bytes()
    path = tmp_path / name
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(IncompleteRecordingError) as caught:
        check_complete(path)
    assert caught.value.usable_ms is None


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", ()), ("a.mkv", ()), ("a.avi", ("-c:v", "mpeg4"))])
def test_two_files_joined_byte_by_byte_are_told_apart(make_recording, tmp_path, name, codec):
    content = make_recording(name, seconds=1, codec=codec).read_bytes()
    path = tmp_path / name
    path.write_bytes(content * 2)
    with pytest.raises(BadRecordingError, match=f"the second begins at byte {len(content)}: copy each"):
        check_complete(path)


@pytest.mark.parametrize("content", [b"RIFF\0\0\0\0AVI " * 5000, b"RIFF\x04\0\0\0AVIX" * 50_000])
def test_an_avi_of_nothing_but_chunks_ends_the_look(tmp_path, content):
    path = tmp_path / "x.avi"
    path.write_bytes(content)
    with pytest.raises((BadRecordingError, IncompleteRecordingError)):
        check_complete(path)


@pytest.mark.parametrize("size", [0, 1, 7, 30, 500])
def test_the_first_bytes_alone_are_a_file_that_has_just_begun(make_recording, tmp_path, size):
    target = tmp_path / "begun.mp4"
    target.write_bytes(make_recording("whole.mp4", sound="sine=440").read_bytes()[:size])
    with pytest.raises(IncompleteRecordingError):
        check_complete(target)


@pytest.mark.parametrize(
    "content", [b"hello coach\n", b"#EXTM3U\n" + b"file:///etc/passwd\n" * 100, b"\xff\xd8\xff" * 999]
)
def test_what_is_no_video_is_bad_at_once(tmp_path, content):
    target = tmp_path / "x.mp4"
    target.write_bytes(content)
    with pytest.raises(BadRecordingError):
        check_complete(target)


def test_sound_alone_is_bad_at_once(tmp_path, ffmpeg):
    target = tmp_path / "radio.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=440:d=9", target)
    with pytest.raises(BadRecordingError, match="no picture"):
        check_complete(target)


def test_damage_in_the_last_seconds_is_noticed_and_damage_before_them_is_not(make_recording, tmp_path):
    content = bytearray(make_recording("fast.mp4", sound="sine=440", seconds=20, extra=FAST).read_bytes())
    late, early = tmp_path / "late.mp4", tmp_path / "early.mp4"
    at = len(content) - 600
    late.write_bytes(content[:at] + b"\xaa" * 500 + content[at + 500 :])
    with pytest.raises(IncompleteRecordingError, match="does not decode"):
        check_complete(late)
    at = len(content) // 3
    early.write_bytes(content[:at] + b"\xaa" * 500 + content[at + 500 :])
    check_complete(early)


# --- boxes -----------------------------------------------------------------------------------------------------------


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def wide_box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content


def walk(tmp_path, content: bytes) -> list[tuple[bytes, int]]:
    path = tmp_path / "boxes.mp4"
    path.write_bytes(content)
    with path.open("rb") as handle:
        return [(found.kind, found.end - found.start) for found in boxes(handle, 0, len(content))]


def test_boxes_have_small_and_large_sizes_and_the_last_may_go_to_the_end(tmp_path):
    content = box(b"ftyp", b"isom") + wide_box(b"mdat", b"x" * 50) + struct.pack(">I4s", 0, b"free") + b"y" * 30
    assert walk(tmp_path, content) == [(b"ftyp", 12), (b"mdat", 66), (b"free", 38)]


def test_walking_ends_at_what_is_no_box(tmp_path):
    assert walk(tmp_path, box(b"ftyp", b"isom") + bytes(100)) == [(b"ftyp", 12), (b"", 100)]
    too_small = struct.pack(">I4s", 3, b"mdat") + bytes(9)
    assert walk(tmp_path, box(b"ftyp", b"isom") + too_small) == [(b"ftyp", 12), (b"", 17)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (box(b"ftyp", b"isom") + box(b"moov", b"m" * 20), "mdat"),
        (box(b"ftyp", b"isom") + box(b"mdat", b"m" * 20), "moov"),
        (box(b"moov", b"m") + struct.pack(">I4s", 5000, b"mdat") + b"x" * 100, "byte 5009, the file at byte 117"),
        (box(b"moov", b"m") + struct.pack(">I4sQ", 1, b"mdat", 1 << 40) + b"x" * 100, "ends at byte"),
        (box(b"moov", b"m") + box(b"mdat", b"x" * 20) + bytes(5000), None),
        (box(b"moov", b"m") + box(b"mdat", b"x" * 20) + box(b"free", bytes(5000)), None),
    ],
)
def test_says_what_is_missing_in_an_mp4(tmp_path, content, reason):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    found = look_at_end(path, "mov")
    assert found.missing is None if reason is None else reason in (found.missing or "")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """35 MB of noise as video, which says of itself that it is whole."""
    path = tmp_path_factory.mktemp("large") / "large.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=640x360:r=25:d=14,noise=alls=60:allf=t",
                    "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "20M", *FAST, path], check=True)
    return path


def test_a_hole_is_what_has_not_arrived_yet(large, tmp_path):
    content, size = large.read_bytes(), large.stat().st_size
    assert size > 16 << 20
    assert check_complete(large).duration_ms == 14_000
    copied = tmp_path / "copied.mp4"
    copied.write_bytes(content[: 3 << 20] + bytes(7 << 20) + content[10 << 20 :])
    with pytest.raises(IncompleteRecordingError, match=r"from byte 31457\d\d on millions of zeros") as told:
        check_complete(copied)
    assert told.value.usable_ms == 14_000
    copied.write_bytes(content)
    assert check_complete(copied).duration_ms == 14_000


def test_what_a_recorder_reserved_is_no_hole(large, tmp_path):
    reserved = 8 << 20
    padded = tmp_path / "padded.mp4"
    padded.write_bytes(large.read_bytes() + struct.pack(">I4s", reserved, b"free") + bytes(reserved - 8))
    assert check_complete(padded).duration_ms == 14_000
    with padded.open("rb+") as handle:  # the same, but nothing says that it is reserved
        handle.seek(large.stat().st_size + 4)
        handle.write(b"mdat")
    with pytest.raises(IncompleteRecordingError):
        check_complete(padded)
