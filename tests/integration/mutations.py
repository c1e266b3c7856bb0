"""How is a good recording spoiled? Seeded mutations of MP4, MOV, Matroska, transport and program streams, AVI and FLV.

The same seed gives the same files. A mutation takes bytes and a `random.Random` and returns other bytes.
"""

from __future__ import annotations

import random
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

Mutation = Callable[[bytes, random.Random], bytes]

_PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=3,format=yuv420p")
_SOUND = ("-f", "lavfi", "-i", "sine=f=440:r=32000:d=3")
_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-threads", "1")
FILMS: dict[str, tuple[str, ...]] = {
    "mp4": (*_H264, "-c:a", "aac", "-movflags", "+faststart"),
    "mov": (*_H264, "-c:a", "pcm_s16le"),
    "m4v": (*_H264, "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4"),
    "mkv": (*_H264, "-c:a", "libopus"),
    "ts": (*_H264, "-c:a", "aac"),
    "mts": (*_H264, "-c:a", "ac3", "-f", "mpegts", "-mpegts_m2ts_mode", "1"),
    "avi": ("-c:v", "mpeg4", "-g", "25", "-c:a", "pcm_s16le"),
    "flv": (*_H264, "-c:a", "aac"),
    "mpg": ("-c:v", "mpeg2video", "-g", "25", "-c:a", "mp2", "-f", "vob"),
}
_MP4_CONTAINERS = frozenset((b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"moof", b"traf", b"mvex"))
_MP4_TABLES = (b"mvhd", b"tkhd", b"mdhd", b"elst", b"stts", b"ctts", b"stsc", b"stsz", b"stco", b"stss", b"stsd",
               b"hdlr", b"tfhd", b"trun", b"tfdt", b"mehd", b"trex")
_EXTREMES = (0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


@dataclass(frozen=True)
class Spoiled:
    """One spoiled recording: its suffix, what was done to it, its bytes."""

    suffix: str
    how: str
    content: bytes


def make_films(folder: Path) -> dict[str, bytes]:
    """Three seconds of picture and sound in each container, by suffix."""
    films = {}
    for suffix, options in FILMS.items():
        path = folder / f"film.{suffix}"
        argv = ["ffmpeg", "-v", "error", *_PICTURE, *_SOUND, *options, "-fflags", "+bitexact", str(path)]
        subprocess.run(argv, check=True)
        films[suffix] = path.read_bytes()
    return films


def spoil(films: dict[str, bytes], seed: int, count: int) -> Iterator[Spoiled]:
    """So many spoiled recordings, every container and mutation in turn."""
    for number in range(count):
        chance = random.Random(f"{seed}-{number}")
        suffix = list(FILMS)[number % len(FILMS)]
        kinds = MUTATIONS | (_MP4_MUTATIONS if suffix in ("mp4", "mov", "m4v") else _BY_SUFFIX.get(suffix, {}))
        names = [chance.choice(list(kinds)) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
        content = films[suffix]
        for name in names:
            content = splice(content, films, chance) if name == "splice" else kinds[name](content, chance)
        yield Spoiled(suffix, "+".join(names), content)


# --- any file -------------------------------------------------------------------------------------------------------

def flip_bits(content: bytes, chance: random.Random) -> bytes:
    """Some bits, mostly near the beginning or the end, where headers and indexes are."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 2, 4, 16, 64, 400))):
        if changed:
            changed[_somewhere(len(changed), chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def set_extremes(content: bytes, chance: random.Random) -> bytes:
    """Some aligned words become the numbers at which arithmetic breaks."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 2, 8))):
        at = _somewhere(max(1, len(changed) - 4), chance)
        word = struct.pack(chance.choice((">I", "<I")), chance.choice(_EXTREMES))
        changed[at : at + 4] = word[: len(changed) - at]
    return bytes(changed)


def cut(content: bytes, chance: random.Random) -> bytes:
    """Without its end, begin or middle."""
    first, last = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    return chance.choice((content[:first], content[last:], content[:first] + content[last:]))


def repeat(content: bytes, chance: random.Random) -> bytes:
    """A part of it comes twice, or many times."""
    first, last = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    return content[:last] + content[first:last] * chance.choice((1, 1, 2, 20)) + content[last:]


def swap(content: bytes, chance: random.Random) -> bytes:
    """Two neighbouring parts change their places."""
    first, middle, last = sorted(chance.randrange(len(content) + 1) for _ in range(3))
    return content[:first] + content[middle:last] + content[first:middle] + content[last:]


def insert(content: bytes, chance: random.Random) -> bytes:
    """Zeros, noise or text in the middle or at an end."""
    size = chance.choice((1, 7, 188, 4096, 100_000))
    stuff = chance.choice((bytes(size), chance.randbytes(size), (b"#EXTM3U\nfile:///etc/passwd\n" * size)[:size]))
    at = chance.choice((0, len(content), chance.randrange(len(content) + 1)))
    return content[:at] + stuff + content[at:]


def blank(content: bytes, chance: random.Random) -> bytes:
    """A stretch of zeros or ones in the place of what was there."""
    first, last = sorted(chance.randrange(len(content) + 1) for _ in range(2))
    return content[:first] + chance.choice((b"\0", b"\xff")) * (last - first) + content[last:]


def splice(content: bytes, films: dict[str, bytes], chance: random.Random) -> bytes:
    """The beginning of one file and the end of another, of any container."""
    other = films[chance.choice(list(films))]
    return content[: chance.randrange(len(content) + 1)] + other[chance.randrange(len(other) + 1) :]


MUTATIONS: dict[str, Mutation] = {"flip": flip_bits, "extreme": set_extremes, "cut": cut, "repeat": repeat,
                                  "swap": swap, "insert": insert, "blank": blank,
                                  "splice": lambda content, chance: content}


# --- boxes of MP4 and MOV -------------------------------------------------------------------------------------------

Box = tuple[bytes, "bytes | list[Box]"]


def parse_boxes(content: bytes, depth: int = 0) -> list[Box]:
    """Boxes as (kind, content or boxes); what is not a box is left out."""
    found: list[Box] = []
    at = 0
    while at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        if length < 8 or at + length > len(content):
            break
        inner = content[at + 8 : at + length]
        found.append((kind, parse_boxes(inner, depth + 1) if kind in _MP4_CONTAINERS and depth < 8 else inner))
        at += length
    return found


def build_boxes(boxes: list[Box]) -> bytes:
    """The inverse."""
    parts = []
    for kind, inner in boxes:
        body = build_boxes(inner) if isinstance(inner, list) else inner
        parts.append(struct.pack(">I4s", len(body) + 8, kind) + body)
    return b"".join(parts)


def _lists(boxes: list[Box]) -> Iterator[list[Box]]:
    yield boxes
    for _, inner in boxes:
        if isinstance(inner, list):
            yield from _lists(inner)


def shuffle_boxes(content: bytes, chance: random.Random) -> bytes:
    """Boxes of one level change places, go, or come twice."""
    boxes = parse_boxes(content)
    level = chance.choice([one for one in _lists(boxes) if one] or [boxes])
    how = chance.randrange(4)
    if level and how == 0:
        chance.shuffle(level)
    elif level and how == 1:
        del level[chance.randrange(len(level))]
    elif level and how == 2:
        level.insert(chance.randrange(len(level) + 1), chance.choice(level))
    elif level:
        level.extend([chance.choice(level)] * chance.choice((10, 1000, 20_000)))
    return build_boxes(boxes)[: 20 << 20]


def nest_boxes(content: bytes, chance: random.Random) -> bytes:
    """A box lies in boxes in boxes."""
    boxes = parse_boxes(content)
    kind = chance.choice(sorted(_MP4_CONTAINERS))
    level = chance.choice([one for one in _lists(boxes) if one] or [boxes])
    inner = build_boxes([chance.choice(level)]) if level and chance.random() < 0.5 else b""
    for _ in range(chance.choice((3, 100, 5000))):
        inner = struct.pack(">I4s", len(inner) + 8, kind) + inner
    return content + inner if chance.random() < 0.5 else inner + content


def wrong_sizes(content: bytes, chance: random.Random) -> bytes:
    """The size field of some boxes lies."""
    changed = bytearray(content)
    names = [name for name in (*_MP4_CONTAINERS, *_MP4_TABLES, b"mdat", b"ftyp") if name in content]
    for name in chance.sample(sorted(names), min(len(names), chance.choice((1, 2)))):
        at = content.index(name) - 4
        if at >= 0:
            changed[at : at + 4] = struct.pack(">I", chance.choice((*_EXTREMES, chance.randrange(1 << 20))))
    return bytes(changed)


def wrong_tables(content: bytes, chance: random.Random) -> bytes:
    """Numbers in the tables of a track (times, counts, offsets, sizes) are extreme."""
    changed = bytearray(content)
    names = [name for name in _MP4_TABLES if name in content]
    for _ in range(chance.choice((1, 2, 5))):
        name = chance.choice(names or [b"moov"])
        at = content.find(name) + 4 + 4 * chance.randrange(12)
        if 4 <= at < len(changed) - 4:
            changed[at : at + 4] = struct.pack(">I", chance.choice((*_EXTREMES, chance.randrange(1 << 32))))
    return bytes(changed)


_MP4_MUTATIONS: dict[str, Mutation] = {"boxes": shuffle_boxes, "nest": nest_boxes, "sizes": wrong_sizes,
                                       "tables": wrong_tables}


# --- the others -----------------------------------------------------------------------------------------------------

def _packets(size: int) -> Mutation:
    def shuffle(content: bytes, chance: random.Random) -> bytes:
        """Packets get lost, change places, come twice, or their clocks jump."""
        packets = [bytearray(content[at : at + size]) for at in range(0, len(content), size)]
        for _ in range(chance.choice((1, 5, 50))):
            at, how = chance.randrange(len(packets)), chance.randrange(4)
            if how == 0 and len(packets) > 1:
                del packets[at]
            elif how == 1:
                packets.insert(chance.randrange(len(packets)), packets[at])
            elif how == 2:
                packets[at], packets[-1 - at] = packets[-1 - at], packets[at]
            else:
                packets[at][size - 188 + 4 : size - 188 + 24] = chance.randbytes(20)
        return b"".join(packets)

    return shuffle


def ebml_sizes(content: bytes, chance: random.Random) -> bytes:
    """Sizes of Matroska elements: unknown, far too large, or zero."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 3))):
        name = chance.choice((b"\x18\x53\x80\x67", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75",
                              b"\x1c\x53\xbb\x6b", b"\xae", b"\xa3", b"\xe7", b"\x44\x89"))
        at = content.find(name)
        if 0 <= at < len(changed) - 16:
            size = chance.choice((b"\x01" + b"\xff" * 7, b"\x01" + b"\x7f" * 7, b"\x80", b"\xff", b"\x08" + bytes(4)))
            changed[at + len(name) : at + len(name) + len(size)] = size
    return bytes(changed)


def riff_sizes(content: bytes, chance: random.Random) -> bytes:
    """Sizes of RIFF chunks lie, or chunks of size 0 follow one another without end."""
    changed = bytearray(content)
    kinds = (b"RIFF", b"LIST", b"avih", b"strh", b"strf", b"movi", b"idx1", b"00dc")
    names = [name for name in kinds if name in content]
    for name in chance.sample(names, min(len(names), 2)):
        at = content.index(name) + 4
        changed[at : at + 4] = struct.pack("<I", chance.choice((*_EXTREMES, chance.randrange(1 << 24))))
    return bytes(changed) + b"RIFF\0\0\0\0" * chance.choice((0, 0, 100, 50_000))


_BY_SUFFIX: dict[str, dict[str, Mutation]] = {
    "ts": {"packets": _packets(188)}, "mts": {"packets": _packets(192)}, "mpg": {"packets": _packets(2048)},
    "mkv": {"ebml": ebml_sizes}, "avi": {"riff": riff_sizes}}


def _somewhere(size: int, chance: random.Random) -> int:
    """A place in a file; every other one lies in its first or last 4 KiB."""
    if size > 8192 and chance.random() < 0.5:
        return chance.choice((0, size - 4096)) + chance.randrange(4096)
    return chance.randrange(size)
