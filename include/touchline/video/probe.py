"""What is this recording? Its picture and sound as presented: size, rate, length, and where time 0 lies.

recording_ms 0 is the first frame that a player shows, found by decoding it: edit lists hide packets before it,
transport streams start anywhere and often within a key-frame group.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

from touchline.domain.recording import Recording, VideoStream
from touchline.errors import BadRecordingError, CommandError
from touchline.video import ffmpeg_graph as graph
from touchline.video.command import run
from touchline.video.demuxer import input_argv, sniff_demuxer
from touchline.video.log import LOG_LEVEL, last_message
from touchline.video.monitor import FrameMonitor
from touchline.video.packets import lines_of
from touchline.video.rate import RateEstimate, estimate_rate
from touchline.video.sound_track import choose_track, sound_tracks
from touchline.video.stream_clock import refuse_joined_streams

PROBE_TIMEOUT_S = 120.0
HEAD_S = 8
MAX_HEAD_PACKETS = 4000
TAILS_S = (10, 60, None)
"""How long before the named end the last packets are looked for; None: in the whole file."""
TAIL_PACKETS = 32
"""More than any encoder reorders."""
LONGEST_MS = 24 * 3_600_000
HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
"""Perceptual quantizer and hybrid log-gamma: ITU-R BT.2100."""
_NO_INDEX = "] [error] moov atom not found"
_INTERLACED_ORDERS = ("tt", "bb", "tb", "bt")
_LOOKED_AT = 6
"""Packets of which the frames are asked for their kind, at the beginning and in the middle."""
_STILL_DISPOSITIONS = ("attached_pic", "timed_thumbnails", "still_image")


class UnreadableRecordingError(BadRecordingError):
    """The bytes are those of a video, but it cannot be read: damaged, or not all there yet."""


def probe_recording(path: Path, fingerprint: str) -> Recording:
    """Read what a recording holds; costs a few hundred milliseconds, whatever its length.

    Raises:
        UnreadableRecordingError: not readable (no moov atom), no frame that can be decoded, or zero length.
        BadRecordingError: no video format, no video stream, or two recordings in one file.
            The messages are one line and name the file.
    """
    path = path.absolute()
    demuxer = sniff_demuxer(path)
    refuse_joined_streams(path, demuxer)
    try:
        return _probe(path, fingerprint, demuxer)
    except CommandError as error:
        reason = "moov atom not found" if _NO_INDEX in error.last_lines else last_message(error.last_lines)
        raise UnreadableRecordingError(f"{path.name} cannot be read: {reason}; copy it again") from None


def _probe(path: Path, fingerprint: str, demuxer: str) -> Recording:
    found = _ffprobe(path, demuxer, "-show_streams", "-show_format")
    stream = _video_stream(path, found["streams"])
    index, time_base = int(stream["index"]), Fraction(stream["time_base"])
    head = list(islice(_packet_times(path, demuxer, index, f"%+{HEAD_S}"), MAX_HEAD_PACKETS))
    rate = estimate_rate([pts * time_base for pts, _ in head], time_base, _claimed_rates(stream))
    start_s = _first_frame_s(path, demuxer, index)
    claimed = found["format"]
    claimed_end_s = Fraction(claimed.get("start_time", "0")) + Fraction(claimed.get("duration", "0"))
    tail = _last_packets(path, demuxer, index, claimed_end_s)
    end_s = _end_s(path, tail, time_base, rate)
    duration_ms = int(_whole_frames_s(end_s - start_s, rate, time_base) * 1000)
    if duration_ms <= 0:
        raise UnreadableRecordingError(f"{path.name} has a picture without length: copy it again")
    if duration_ms > LONGEST_MS:
        hours = duration_ms // 3_600_000
        raise BadRecordingError(f"{path.name} runs for {hours} hours by its clock: cut it into matches")
    video = replace(
        _describe_video(stream, start_s, rate),
        is_interlaced=_is_interlaced(path, demuxer, stream, start_s + Fraction(duration_ms, 2000)),
    )
    audio = choose_track(path, demuxer, sound_tracks(found["streams"]), start_s, duration_ms)
    return Recording(str(path), path.stat().st_size, fingerprint, demuxer, duration_ms, video, audio)


def _describe_video(stream: Mapping[str, Any], start_s: Fraction, rate: RateEstimate) -> VideoStream:
    rotation = _rotation(stream)
    width, height = _display_size(stream, rotation)
    return VideoStream(
        index=int(stream["index"]),
        codec=stream["codec_name"],
        pix_fmt=stream.get("pix_fmt", "unknown"),
        width=width,
        height=height,
        fps=rate.fps,
        start_s=start_s,
        rotation=rotation,
        is_hdr=stream.get("color_transfer") in HDR_TRANSFERS,
        is_variable_rate=rate.is_variable,
        is_mirrored=_is_mirrored(stream),
    )


def _ffprobe(path: Path, demuxer: str, *questions: str) -> dict[str, Any]:
    argv = ["ffprobe", "-v", LOG_LEVEL, *questions, "-of", "json", *input_argv(path, demuxer)]
    return dict(json.loads(run(argv, timeout_s=PROBE_TIMEOUT_S).stdout))


def _video_stream(path: Path, streams: list[dict[str, Any]]) -> dict[str, Any]:
    """The first video stream that moves: cover art and thumbnails do not count."""
    for stream in streams:
        disposition = stream.get("disposition", {})
        is_still = any(disposition.get(name) for name in _STILL_DISPOSITIONS)
        has_size = int(stream.get("width", 0)) and int(stream.get("height", 0))
        is_known = stream.get("codec_name", "unknown") != "unknown"
        if stream.get("codec_type") == "video" and not is_still and is_known and has_size:
            return stream
    raise BadRecordingError(f"{path.name} has no picture, only {_kinds(streams)}: touchline needs video")


def _kinds(streams: list[dict[str, Any]]) -> str:
    return ", ".join(sorted({stream.get("codec_type", "data") for stream in streams})) or "nothing"


def _packet_times(path: Path, demuxer: str, index: int, interval: str) -> Iterator[tuple[int, int]]:
    """(pts, duration) in time-base units of presented packets in an interval of ffprobe's own syntax."""
    argv = ["ffprobe", "-v", LOG_LEVEL, "-select_streams", str(index), "-read_intervals", interval]
    argv += ["-show_entries", "packet=pts,dts,duration,flags", "-of", "compact=p=0", *input_argv(path, demuxer)]
    for line in lines_of(argv):
        fields = dict(field.split("=", 1) for field in line.split("|") if "=" in field)
        pts = fields.get("pts", "N/A") if fields.get("pts", "N/A") != "N/A" else fields.get("dts", "N/A")
        if pts != "N/A" and "D" not in fields.get("flags", ""):
            duration = fields.get("duration", "N/A")
            yield int(pts), int(duration) if duration != "N/A" else 0


def _first_frame_s(path: Path, demuxer: str, index: int) -> Fraction:
    """Container time of the first frame that the decoder gives, in seconds, to the microsecond."""
    monitor = FrameMonitor()
    run(graph.first_frame_argv(path, demuxer, index), timeout_s=PROBE_TIMEOUT_S, on_frame=monitor.on_frame)
    if monitor.first_pts is None:
        raise UnreadableRecordingError(f"{path.name} holds no frame that can be decoded: copy it again")
    return Fraction(monitor.first_pts, graph.TICKS_PER_S)


def _last_packets(path: Path, demuxer: str, index: int, claimed_end_s: Fraction) -> list[tuple[int, int]]:
    """The last packets of the file: near the end that the container names, else, where that lies, by reading all.

    A seek past the last packet may land within the last group of frames that depend on each other, so that the one
    which is shown last is missed: a few packets do not count.
    """
    packets: deque[tuple[int, int]] = deque(maxlen=TAIL_PACKETS)
    for look_back_s in TAILS_S:
        interval = "%" if look_back_s is None else f"{float(claimed_end_s - look_back_s)}%"
        packets.extend(_packet_times(path, demuxer, index, interval))
        if len(packets) == TAIL_PACKETS:
            break
    return list(packets)


def _end_s(path: Path, packets: list[tuple[int, int]], time_base: Fraction, rate: RateEstimate) -> Fraction:
    """Container time at which the last frame ends: from the packets themselves, not from a header's claim."""
    if not packets:
        raise UnreadableRecordingError(f"{path.name} holds no picture: copy it again")
    last_pts, last_duration = max(packets)
    lasts_s = last_duration * time_base
    # FLV gives every packet the length of one tick.
    return last_pts * time_base + (lasts_s if lasts_s > time_base else 1 / rate.fps)


def _whole_frames_s(length_s: Fraction, rate: RateEstimate, time_base: Fraction) -> Fraction:
    """The length of a whole number of frames, where a coarse time base (Matroska: 1 ms) misses it by a tick or two."""
    whole_s = round(length_s * rate.fps) / rate.fps
    return whole_s if not rate.is_variable and abs(whole_s - length_s) <= 2 * time_base else length_s


def _claimed_rates(stream: Mapping[str, Any]) -> list[Fraction]:
    texts = (stream.get("r_frame_rate", "0/0"), stream.get("avg_frame_rate", "0/0"))
    return [Fraction(text) for text in texts if not text.endswith("/0")]


def _rotation(stream: Mapping[str, Any]) -> int:
    """Degrees clockwise by which the picture is turned for display: 0, 90, 180 or 270."""
    for item in stream.get("side_data_list", []):
        if "rotation" in item:
            return round(-float(item["rotation"]) / 90) * 90 % 360
    return 0


def _is_mirrored(stream: Mapping[str, Any]) -> bool:
    """Whether the display matrix holds a mirror besides a turn: then its determinant is negative."""
    for item in stream.get("side_data_list", []):
        rows = [line.partition(":")[2].split() for line in item.get("displaymatrix", "").splitlines() if ":" in line]
        if len(rows) == 3:
            (a, b, _), (c, d, _), _ = [[int(number) for number in row] for row in rows]
            return a * d - b * c < 0
    return False


def _is_interlaced(path: Path, demuxer: str, stream: Mapping[str, Any], middle_s: Fraction) -> bool:
    """Whether frames hold two fields: by the header, or else by the frames at the beginning and in the middle."""
    if stream.get("field_order") in _INTERLACED_ORDERS:
        return True
    argv = ["ffprobe", "-v", LOG_LEVEL, "-select_streams", str(stream["index"]), "-threads", "1"]
    argv += ["-read_intervals", f"%+#{_LOOKED_AT},{float(middle_s)}%+#{_LOOKED_AT}"]
    argv += ["-show_entries", "frame=interlaced_frame", "-of", "csv=p=0", *input_argv(path, demuxer)]
    lines = run(argv, timeout_s=PROBE_TIMEOUT_S).stdout.decode().splitlines()
    return any(line.startswith("1") for line in lines)


def _display_size(stream: Mapping[str, Any], rotation: int) -> tuple[int, int]:
    width, height = int(stream["width"]), int(stream["height"])
    aspect = stream.get("sample_aspect_ratio", "1:1")
    across, _, down = aspect.partition(":")
    if across.isdigit() and down.isdigit() and int(across) and int(down):
        width = max(1, round(Fraction(width) * int(across) / int(down)))
    return (height, width) if rotation in (90, 270) else (width, height)
