"""May a file be a recording, by its name alone?"""

from __future__ import annotations

import logging
from enum import Enum
from pathlib import Path

SUFFIXES = {
    "mov": (".mp4", ".mov", ".m4v", ".qt", ".3gp", ".3g2", ".f4v"),
    "matroska": (".mkv", ".webm"),
    "flv": (".flv",),
    "avi": (".avi", ".divx"),
    "mpeg": (".mpg", ".mpeg", ".mpe", ".m2p", ".vob", ".mod"),
    "mpegts": (".ts", ".mts", ".m2ts", ".m2t", ".tod", ".trp", ".tp"),
}
"""Demuxer of `touchline.video.demuxer` → what its files are called. Its first bytes decide how a file is read."""

FOREIGN = {
    ".wmv": "Windows Media", ".asf": "Windows Media", ".dvr-ms": "Windows Media", ".wtv": "Windows Media",
    ".mxf": "MXF", ".dv": "raw DV", ".rm": "RealMedia", ".rmvb": "RealMedia", ".ogv": "Ogg", ".ogm": "Ogg",
    ".h264": "raw H.264", ".264": "raw H.264", ".avc": "raw H.264", ".h265": "raw HEVC", ".265": "raw HEVC",
    ".hevc": "raw HEVC", ".m1v": "raw MPEG video", ".m2v": "raw MPEG video", ".mjpg": "raw JPEG pictures",
    ".mjpeg": "raw JPEG pictures", ".ivf": "raw VP8, VP9 or AV1", ".y4m": "raw pictures",
    ".dav": "a surveillance recorder's own format", ".braw": "Blackmagic RAW", ".r3d": "RED RAW",
    ".crm": "Canon RAW", ".nev": "Nikon RAW", ".insv": "a sphere of Insta360", ".360": "a sphere of GoPro",
}
"""What is video and cannot be read here. Not the small copies that a camera keeps (.lrv, .lrf): nobody misses them."""

PARTIAL_ENDINGS = (".part", ".tmp", ".crdownload", "~")

_VIDEO_SUFFIXES = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)

log = logging.getLogger(__name__)


class Kind(Enum):
    """What a name says of a file."""

    RECORDING = "may be a recording"
    FOREIGN = "a video that is not taken"
    OTHER = "of no concern"


def kind_of(name: str) -> Kind:
    """By the suffix, in any case; dot files, partial files and names that are not UTF-8 are of no concern."""
    if name.startswith(".") or name.lower().endswith(PARTIAL_ENDINGS):
        return Kind.OTHER
    try:
        name.encode()
    except UnicodeEncodeError:
        log.warning("%r is not a UTF-8 name: rename it, it is left alone until then", name)
        return Kind.OTHER
    suffix = Path(name).suffix.lower()
    return Kind.RECORDING if suffix in _VIDEO_SUFFIXES else Kind.FOREIGN if suffix in FOREIGN else Kind.OTHER


def why_foreign(name: str) -> str:
    """".wmv is Windows Media, which touchline does not read: export it as MP4 and copy that"."""
    suffix = Path(name).suffix.lower()
    return f"{suffix} is {FOREIGN[suffix]}, which touchline does not read: export it as MP4 and copy that"
