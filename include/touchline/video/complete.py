"""Is a recording all there, or still being copied? Its container must lie within the file, and its end must decode."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from touchline.domain.recording import Recording
from touchline.errors import CommandError, IncompleteRecordingError
from touchline.video import ffmpeg_graph as graph
from touchline.video.audio import in_one_form
from touchline.video.command import run
from touchline.video.demuxer import is_begun, read_head, sniff_demuxer
from touchline.video.ending import hole_at, look_at_end
from touchline.video.log import last_message
from touchline.video.monitor import FrameMonitor
from touchline.video.packets import sound_packets
from touchline.video.probe import UnreadableRecordingError, probe_recording

TAIL_S = 3
LEADS_S = (5, 30)
"""How long before the tail decoding begins, so that a key frame comes first; messages there do not count."""
MAX_GAP_S = Fraction(1)
"""The last frame must be this close to the end that the container names."""
DECODE_TIMEOUT_S = 300.0
SILENCE_S = 10
"""How far before the end a packet of sound is looked for: further than any recorder keeps the picture's apart."""
HARMLESS = (
    "timescale not set",
    "Could not find codec parameters",
    "Unsupported codec with id",
    "non monotonically increasing dts to muxer",
)
"""Messages about streams that touchline does not read, and about times, which the scan judges."""


def check_complete(path: Path) -> Recording:
    """Return what the recording holds, if all of it is there.

    Raises:
        IncompleteRecordingError: its end is missing or cannot be decoded, or there is a hole in it: look again later.
            `usable_ms` says how much can be used if nothing more comes: of a format that never marks its end, or was
            never closed, or of one with a hole.
        BadRecordingError: it is not a video at all, a whole file without a picture, or two recordings in one file.
    """
    head = read_head(path)
    if not head.strip(b"\0") or is_begun(head):
        raise _incomplete(path, "there is next to nothing in it yet")
    ending = look_at_end(path, sniff_demuxer(path))
    if ending.missing and ending.is_marked:
        raise _incomplete(path, ending.missing)
    try:
        recording = probe_recording(path, "")
        if ending.zeros_at is not None and not _is_silence(recording, ending.zeros_at):
            raise _incomplete(path, "its last bytes are zeros, as in a file that is still being copied")
        complaint = _decode_tail(recording)
        complaint = ending.missing or complaint
    except UnreadableRecordingError as error:
        raise _incomplete(path, str(error)) from None
    except CommandError as error:
        raise _incomplete(path, last_message(error.last_lines)) from None
    if complaint is None and (hole := hole_at(path)) is not None:
        zeros = f"from byte {hole} on millions of zeros stand where pictures should be"
        raise _incomplete(path, f"{zeros}, as in a file that is still being copied", recording.duration_ms)
    if complaint:
        may_be_all = not ending.is_marked and ending.zeros_at is None
        raise _incomplete(path, complaint, recording.duration_ms if may_be_all else None)
    return recording


def _incomplete(path: Path, reason: str, usable_ms: int | None = None) -> IncompleteRecordingError:
    return IncompleteRecordingError(f"{path.name} is not complete: {reason}", usable_ms)


def _is_silence(recording: Recording, zeros_at: int) -> bool:
    """Whether the zeros at the end of the media are silent sound: uncompressed, and silent before them as well."""
    last = None
    for packet in sound_packets(recording, recording.duration_ms - SILENCE_S * 1000):
        if packet.end <= zeros_at and (last is None or packet.end > last.end):
            last = packet
    if last is None:
        return False
    with Path(recording.path).open("rb") as handle:
        handle.seek(last.start + (last.end - last.start) // 2)  # a container's own header comes before the samples
        return not handle.read(last.end - handle.tell()).strip(b"\0")


def _decode_tail(recording: Recording) -> str | None:
    """Decode the last seconds of picture and sound; returns what the decoder complained of.

    Raises:
        IncompleteRecordingError: the picture ends early.
    """
    path = Path(recording.path)
    tail_start = max(0, recording.duration_ms - TAIL_S * 1000) * 1000
    for lead_s in LEADS_S:
        monitor = FrameMonitor()
        argv = _tail_argv(recording, lead_s)
        run(argv, timeout_s=DECODE_TIMEOUT_S, on_line=monitor.on_line, on_frame=monitor.on_frame)
        if monitor.first_pts is not None and (monitor.first_pts <= tail_start or _reads_all(recording, lead_s)):
            break
    if monitor.last_pts is None:
        raise _incomplete(path, f"its last {TAIL_S} seconds hold no picture")
    gap_s = Fraction(recording.duration_ms, 1000) - Fraction(monitor.last_pts, graph.TICKS_PER_S)
    if gap_s > MAX_GAP_S + 1 / recording.video.fps and not recording.video.is_variable_rate:
        raise _incomplete(path, f"its picture ends {float(gap_s):.1f} s too early")
    complaints = [
        line
        for seen, line in monitor.messages
        if _counts(line) and (_reads_all(recording, lead_s) or (seen or 0) >= tail_start)
    ]
    return f"its end does not decode ({complaints[-1]})" if complaints else None


def _tail_argv(recording: Recording, lead_s: int) -> list[str]:
    """Decode picture and sound from `lead_s` seconds before the tail to the end, and throw them away."""
    begin_s = max(Fraction(0), Fraction(recording.duration_ms, 1000) - TAIL_S - lead_s)
    start_us = None if not begin_s else int((recording.video.start_s + begin_s) * graph.TICKS_PER_S)
    source = graph.open_recording(recording, 1, start_us)
    origin = round(recording.video.start_s * graph.TICKS_PER_S)
    picture = source[str(recording.video.index)].filter("settb", f"1/{graph.TICKS_PER_S}")
    outputs: list[Any] = [graph.told(picture.filter("setpts", f"PTS-({origin})"))]
    if recording.audio is not None:
        sound = source[str(recording.audio.index)]
        outputs.append(in_one_form(sound, recording.audio, recording.audio.sample_rate, "mono"))
    return graph.ffmpeg_argv(ffmpeg.output(*outputs, "pipe:", f="null", fps_mode="passthrough"))


def _reads_all(recording: Recording, lead_s: int) -> bool:
    return recording.duration_ms <= (TAIL_S + lead_s) * 1000


def _counts(line: str) -> bool:
    return not any(text in line for text in HARMLESS)
