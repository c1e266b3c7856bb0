"""What is a file that we cannot read? Its first bytes say, so that a person knows what to do with it."""

from __future__ import annotations

import string
from dataclasses import dataclass

_CONVERT = "convert it to MP4, with HandBrake for instance, and copy that"
_RECORDER = "export it as MP4 with the recorder's own player and copy that"
_PICTURE = "copy the video itself"
_UNPACK = "unpack it and copy the video itself"
_PRINTABLE = frozenset(string.printable.encode())
READS = "MP4, MOV, MKV, WebM, TS, MTS, AVI, FLV and MPEG"


@dataclass(frozen=True)
class Signature:
    """How files of one format begin, the format in words, and what a person should do."""

    at: int
    begins: bytes
    what: str
    advice: str


SIGNATURES = (
    Signature(0, bytes.fromhex("3026b2758e66cf11"), "a Windows Media file (WMV, ASF)", _CONVERT),
    Signature(0, bytes.fromhex("b7d800203749da11"), "a recording of Windows Media Center (WTV)", _CONVERT),
    Signature(0, b"DHAV", "in Dahua's own recorder format (DAV)", _RECORDER),
    Signature(0, b"IMKH", "in Hikvision's own recorder format", _RECORDER),
    Signature(0, b"HKMI", "in Hikvision's own recorder format", _RECORDER),
    Signature(0, b"4HKH", "in Hikvision's own recorder format", _RECORDER),
    Signature(0, bytes.fromhex("060e2b34"), "an MXF file of a broadcast camera", _CONVERT),
    Signature(0, bytes.fromhex("0000000001bc"), "a GXF file of a broadcast server", _CONVERT),
    Signature(4, b"RED1", "raw film of a RED camera", _CONVERT),
    Signature(4, b"RED2", "raw film of a RED camera", _CONVERT),
    Signature(0, bytes.fromhex("1f0700"), "bare DV without a container", _CONVERT),
    Signature(0, bytes.fromhex("000001b3"), "bare MPEG video without a container", _CONVERT),
    Signature(0, bytes.fromhex("000001"), "bare H.264 or H.265 without a container, and so without times", _CONVERT),
    Signature(0, bytes.fromhex("00000001"), "bare H.264 or H.265 without a container, and so without times", _CONVERT),
    Signature(0, b"DKIF", "bare VP8, VP9 or AV1 without a container (IVF)", _CONVERT),
    Signature(0, b"YUV4MPEG2", "uncompressed video (Y4M)", _CONVERT),
    Signature(0, b"OggS", "an Ogg file", _CONVERT),
    Signature(0, b".RMF", "a RealMedia file", _CONVERT),
    Signature(0, b"nut/multimedia", "a NUT file", _CONVERT),
    Signature(8, b"WAVE", "sound alone (WAV)", _PICTURE),
    Signature(0, b"ID3", "sound alone (MP3)", _PICTURE),
    Signature(0, b"fLaC", "sound alone (FLAC)", _PICTURE),
    Signature(0, b"\xff\xd8\xff", "a photo (JPEG)", _PICTURE),
    Signature(0, b"\x89PNG", "a picture (PNG)", _PICTURE),
    Signature(0, b"GIF8", "a picture (GIF)", _PICTURE),
    Signature(0, b"%PDF", "a document (PDF)", _PICTURE),
    Signature(0, b"PK\x03\x04", "a ZIP archive", _UNPACK),
    Signature(0, b"Rar!", "a RAR archive", _UNPACK),
    Signature(0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    Signature(0, b"\x1f\x8b", "a gzip archive", _UNPACK),
)
"""The first that fits counts."""


def describe(head: bytes) -> str:
    """"is a ZIP archive: unpack it …": what begins so, and what to do, to stand after the file's name."""
    if not head:
        return "is empty: copy it again"
    if not head.strip(b"\0"):
        return "holds nothing but zeros where it should begin: copy it again"
    for known in SIGNATURES:
        if head.startswith(known.begins, known.at):
            return f"is {known.what}, which touchline does not read: {known.advice}"
    if is_text(head):
        return f"is text and no video: {_PICTURE}"
    return f"is in no format that touchline knows; it reads {READS}: {_CONVERT}"


def is_text(head: bytes) -> bool:
    """Whether the bytes are plain text, such as a playlist or a note."""
    return bool(head) and all(byte in _PRINTABLE for byte in head[:64])
