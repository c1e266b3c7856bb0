from __future__ import annotations

import struct
import time

import pytest

from touchline.errors import BadRecordingError, TouchlineError
from touchline.video.complete import check_complete
from touchline.video.references import refuse_references


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def nested(kinds: list[bytes]) -> bytes:
    content = b""
    for kind in reversed(kinds):
        content = box(kind, content)
    return content


@pytest.mark.parametrize("levels", [10, 5000])
def test_boxes_within_boxes_without_end_are_refused_in_one_line(tmp_path, levels):
    path = tmp_path / "x.mp4"
    path.write_bytes(box(b"ftyp", b"isom") + nested([b"moov", b"trak"] * (levels // 2) + [b"mdia"]))
    with pytest.raises(BadRecordingError, match=r"x\.mp4 nests its boxes deeper") as caught:
        refuse_references(path, "mov")
    assert "\n" not in str(caught.value)


def test_a_reference_is_found_at_its_depth_among_many_boxes(tmp_path):
    entry = box(b"url ", bytes(4) + b"http://127.0.0.1/a.mp4")
    reference = box(b"dref", struct.pack(">II", 0, 1) + entry)
    content = nested([b"moov", b"trak", b"mdia", b"minf"])
    for kind in (b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        reference = box(kind, box(b"free", b"") * 500 + reference)
    path = tmp_path / "x.mp4"
    path.write_bytes(box(b"ftyp", b"isom") + content + reference)
    with pytest.raises(BadRecordingError, match="from another file or address, which is never opened"):
        refuse_references(path, "mov")


@pytest.mark.parametrize(
    "content",
    [
        box(b"moov", box(b"trak", b"") * 100_000),
        box(b"moov", b"m") + box(b"mdat", b"x") + box(b"free", b"") * 150_000,
        (box(b"moof", b"m") + box(b"mdat", b"x")) * 50_000,
        box(b"moov", nested([b"trak", b"mdia", b"minf", b"dinf"]) + box(b"dref", b"url " * 100_000) * 3),
    ],
)
def test_a_file_of_nothing_but_boxes_is_judged_within_seconds(tmp_path, content):
    path = tmp_path / "x.mp4"
    path.write_bytes(box(b"ftyp", b"isom") + content)
    started = time.monotonic()
    with pytest.raises(TouchlineError) as caught:
        check_complete(path)
    assert time.monotonic() - started < 60
    assert "\n" not in str(caught.value)
