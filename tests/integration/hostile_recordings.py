"""Files named like recordings that try to have another file or an address opened, byte by byte.

Each builder takes a `Bait` and returns what the file holds. `REFUSED` are no recordings, or say that a track of theirs
lies elsewhere; `HARMLESS` are real recordings in which such words stand where nothing reads them.
"""

from __future__ import annotations

import gzip
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SUBTITLE = "1\n00:00:00,000 --> 00:00:02,000\n{}\n"
Builder = Callable[["Bait"], bytes]


@dataclass(frozen=True)
class Bait:
    """What the files try to reach: `secret` lies in a folder of its own, `beside` next to the recording.

    `film`, `matroska` and `avi` are real recordings, to be spoiled.
    """

    secret: Path
    beside: str
    url: str
    film: bytes
    matroska: bytes
    avi: bytes


def make_films(folder: Path) -> dict[str, bytes]:
    """A MOV with picture, subtitle and time code, a Matroska with an attachment, an AVI; two seconds each."""
    (folder / "a.srt").write_text(SUBTITLE.format("<img src='http://127.0.0.1/'>"))
    (folder / "list.m3u8").write_text("#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n")
    picture = ["-f", "lavfi", "-i", "testsrc2=s=128x64:r=25:d=2,format=yuv420p"]
    attached = ["-attach", folder / "list.m3u8", "-metadata:s:t", "mimetype=application/x-mpegurl"]
    made = {
        "film.mov": [*picture, "-i", folder / "a.srt", "-c:s", "mov_text", "-timecode", "00:00:00:00"],
        "matroska.mkv": [*picture, *attached],
        "avi.avi": [*picture, "-c:v", "mpeg4"],
    }
    for name, arguments in made.items():
        subprocess.run(["ffmpeg", "-v", "error", *map(str, arguments), folder / name], check=True)
    return {name.partition(".")[0]: (folder / name).read_bytes() for name in made}


# --- text: playlists, scripts, subtitles ------------------------------------------------------------------------------


def hls(bait: Bait, *lines: str) -> bytes:
    head = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:10", "#EXT-X-MEDIA-SEQUENCE:0"]
    return "\n".join([*head, *(lines or ("#EXTINF:10,", f"file://{bait.secret}")), "#EXT-X-ENDLIST", ""]).encode()


def hls_http(bait: Bait) -> bytes:
    return hls(bait, "#EXTINF:10,", f"{bait.url}/a.ts")


def hls_key(bait: Bait) -> bytes:
    key = f'#EXT-X-KEY:METHOD=AES-128,URI="file://{bait.secret}"'
    return hls(bait, key, f'#EXT-X-MAP:URI="{bait.url}/init.mp4"', "#EXTINF:10,", bait.beside)


def hls_master(bait: Bait) -> bytes:
    return hls(bait, "#EXT-X-STREAM-INF:BANDWIDTH=1", f"{bait.url}/b.m3u8", f"file://{bait.secret}")


def concat(bait: Bait) -> bytes:
    return f"ffconcat version 1.0\nfile '{bait.secret}'\nfile {bait.beside}\nfile '{bait.url}/a.mp4'\n".encode()


def dash(bait: Bait) -> bytes:
    return f"""<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT2S"
 profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4">
<Representation id="1" bandwidth="1"><BaseURL>{bait.secret}</BaseURL></Representation>
<Representation id="2" bandwidth="2"><BaseURL>{bait.url}/a.mp4</BaseURL></Representation>
</AdaptationSet></Period></MPD>""".encode()


def imf(bait: Bait) -> bytes:
    return f"""<?xml version="1.0"?>
<CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016"><Id>urn:uuid:1</Id>
<!-- {bait.secret} --><SegmentList/></CompositionPlaylist>""".encode()


def sdp(bait: Bait) -> bytes:
    return b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"


def asx(bait: Bait) -> bytes:
    return f'<ASX version="3.0"><Entry><Ref href="{bait.url}/a.asf"/></Entry></ASX>'.encode()


def webvtt(bait: Bait) -> bytes:
    return f"WEBVTT\n\n00:00.000 --> 00:02.000\n<img src='{bait.url}'> file://{bait.secret}\n".encode()


def srt(bait: Bait) -> bytes:
    return SUBTITLE.format(f"file://{bait.secret}").encode()


def ass(bait: Bait) -> bytes:
    return f"[Script Info]\nScriptType: v4.00+\nVideo File: {bait.secret}\nAudio URI: {bait.url}\n[Events]\n".encode()


def vobsub(bait: Bait) -> bytes:
    return b"# VobSub index file, v7\nid: en, index: 0\ntimestamp: 00:00:00:000, filepos: 000000000\n"


def zipped_playlist(bait: Bait) -> bytes:
    return gzip.compress(hls(bait), mtime=0)


# --- MP4 and QuickTime ------------------------------------------------------------------------------------------------


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def edited(data: bytes, path: tuple[bytes, ...], content: bytes, holding: bytes = b"") -> bytes:
    """The boxes of `data` with another content of the box at `path`; of several on the way, those with `holding`."""
    parts, at = [], 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        inside = data[at + 8 : at + size]
        if kind == path[0] and (kind != b"trak" or holding in inside):
            inside = edited(inside, path[1:], content, holding) if len(path) > 1 else content
        parts.append(box(kind, inside))
        at += size
    return b"".join(parts)


def with_reference(film: bytes, track: bytes, entry: bytes) -> bytes:
    """A film in which one track ("vide", "text", "tmcd") takes its media from the place that `entry` names."""
    path = (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref")
    spoiled = edited(film, path, struct.pack(">II", 0, 1) + entry, holding=b"hlr" + track)
    assert spoiled != film, f"the film has no {track!r} track"
    return spoiled


def alias(path: str, levels: int) -> bytes:
    """A Macintosh alias: the path with colons, and how many levels up and down it lies (0: absolute)."""
    head = bytes(10) + bytes(28) + bytes(12) + bytes(64) + bytes(16) + struct.pack(">HH", levels, levels) + bytes(16)
    name = path.encode() + bytes(len(path.encode()) % 2)
    return box(b"alis", bytes(4) + head + struct.pack(">HH", 2, len(name)) + name + struct.pack(">HH", 0xFFFF, 0))


def location(address: str) -> bytes:
    return box(b"url ", bytes(4) + address.encode() + b"\0")


def reference_movie(bait: Bait) -> bytes:
    address = bait.url.encode() + b"/a.mov\0"
    rdrf = box(b"rdrf", bytes(4) + b"url " + struct.pack(">I", len(address)) + address)
    return box(b"ftyp", b"qt  \0\0\0\0qt  ") + box(b"moov", box(b"rmra", box(b"rmda", rdrf)))


def playlist_behind_header(bait: Bait) -> bytes:
    return box(b"ftyp", b"isom\0\0\2\0isomiso2") + hls(bait)


# --- other containers -------------------------------------------------------------------------------------------------


def transport_of_text(bait: Bait) -> bytes:
    """Packets of a transport stream whose content is a playlist."""
    packets = [b"G\x1f\xff\x10" + hls(bait).ljust(184, b" ")[:184] for _ in range(40)]
    return b"".join(packets)


def flash_of_addresses(bait: Bait) -> bytes:
    text = f"file://{bait.secret}".encode()
    meta = b"\x02\x00\x0aonMetaData\x08\0\0\0\1\x00\x03url\x02" + struct.pack(">H", len(text)) + text + b"\0\0\x09"
    tag = b"\x12" + len(meta).to_bytes(3, "big") + bytes(7) + meta
    return b"FLV\x01\x05\0\0\0\x09\0\0\0\0" + tag + struct.pack(">I", len(tag)) + b"\n" * 4096


def asf(bait: Bait) -> bytes:
    return bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + f"URL {bait.url}".encode("utf-16-le") + bytes(2000)


def mxf(bait: Bait) -> bytes:
    return bytes.fromhex("060e2b34020501010d01020101020400") + f"file://{bait.secret}".encode() + bytes(2000)


def chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def avi_with_subtitle_playlist(bait: Bait) -> bytes:
    """An AVI with a text track whose one packet is a whole "subtitle file": a playlist."""
    main_header = bytearray(bait.avi[24:88])
    struct.pack_into("<I", main_header, 8 + 24, 2)  # two tracks
    picture_track = bait.avi[88 : 96 + struct.unpack_from("<I", bait.avi, 92)[0]]
    text = b"txts" + bytes(16) + struct.pack("<II", 1, 25) + bytes(28)
    text_track = chunk(b"LIST", b"strl" + chunk(b"strh", text) + chunk(b"strf", b""))
    packet = b"GAB2\0" + struct.pack("<HI", 2, 2) + b"\0\0" + struct.pack("<HI", 4, 0) + hls(bait)
    at = bait.avi.index(b"movi")
    media = bait.avi[at + 4 : at + struct.unpack_from("<I", bait.avi, at - 4)[0]]
    header = chunk(b"LIST", b"hdrl" + main_header + picture_track + text_track)
    return chunk(b"RIFF", b"AVI " + header + chunk(b"LIST", b"movi" + chunk(b"01tx", packet) + media))


def linked_matroska(bait: Bait) -> bytes:
    """A Matroska that names the file that goes on where it ends (RFC 9559, 17), in place of its own name tags."""
    name = bait.beside.encode()
    start = bait.matroska.index(b"\x4d\x80")
    end = bait.matroska.index(b"\x73\xa4\x90") + 3 + 16
    link = b"\x3e\xb9\x23\x90" + b"\xab" * 16 + b"\x3e\x83\xbb" + bytes([0x80 | len(name)]) + name
    void = b"\xec" + bytes([0x80 | (end - start - len(link) - 2)])
    return bait.matroska[:start] + (link + void).ljust(end - start, b"\0") + bait.matroska[end:]


# --- the tables -------------------------------------------------------------------------------------------------------

REFUSED: dict[str, Builder] = {
    "HLS of files": hls,
    "HLS of addresses": hls_http,
    "HLS with key and map": hls_key,
    "HLS of playlists": hls_master,
    "HLS, zipped": zipped_playlist,
    "HLS behind an MP4 header": playlist_behind_header,
    "HLS as an AVI's subtitle": avi_with_subtitle_playlist,
    "concat script": concat,
    "DASH": dash,
    "IMF": imf,
    "SDP": sdp,
    "ASX": asx,
    "WebVTT": webvtt,
    "SRT": srt,
    "ASS": ass,
    "VobSub": vobsub,
    "ASF": asf,
    "MXF": mxf,
    "MP4: picture in a file, absolute": lambda bait: with_reference(bait.film, b"vide", alias(str(bait.secret), 0)),
    "MP4: picture in a file, relative": lambda bait: with_reference(bait.film, b"vide", alias("/" + bait.beside, 1)),
    "MP4: picture at a file address": lambda bait: with_reference(
        bait.film, b"vide", location(f"file://{bait.secret}")),
    "MP4: picture at a web address": lambda bait: with_reference(bait.film, b"vide", location(f"{bait.url}/a.mp4")),
    "MP4: subtitle in a file": lambda bait: with_reference(bait.film, b"text", alias(str(bait.secret), 0)),
    "MP4: subtitle at a web address": lambda bait: with_reference(bait.film, b"text", location(f"{bait.url}/a.vtt")),
    "MP4: time code in a file": lambda bait: with_reference(bait.film, b"tmcd", alias("/" + bait.beside, 1)),
    "MP4: reference movie": reference_movie,
}

HOLLOW: dict[str, Builder] = {
    "HLS in a transport stream": transport_of_text,
    "FLV of addresses": flash_of_addresses,
}
"""So far without a picture: they might be the beginning of a copy."""

HARMLESS: dict[str, Builder] = {
    "Matroska with a playlist attached": lambda bait: bait.matroska,
    "Matroska linked to another file": linked_matroska,
    "MP4 with a playlist behind it": lambda bait: bait.film + hls(bait),
    "MP4 with a playlist in a free box": lambda bait: bait.film + box(b"free", hls(bait)),
}

NAMES = (
    "-i.mp4", "%03d.mp4", "concat:a|b.mp4", "subfile,,start,0,end,0,,:x.mp4", "http:..mp4", "pipe:0.mp4",
    "file:etc-passwd.mp4", "a'b \"c\" $(id);.mp4", "[in]scale=2.mp4", "list.m3u8.mp4",
)
"""Names that ffmpeg, a shell or a filter graph could take for something else. The files hold a recording."""

OPENED_WHEN_UNGUARDED: dict[str, tuple[str, ...]] = {
    "HLS of files": ("-allowed_extensions", "ALL"),
    "HLS of addresses": (),
    "concat script": ("-safe", "0"),
    "MP4: picture in a file, absolute": ("-f", "mov", "-enable_drefs", "1", "-use_absolute_path", "1"),
    "MP4: picture in a file, relative": ("-f", "mov", "-enable_drefs", "1"),
}
"""With these options ffprobe does follow: the files are what they claim to be."""
