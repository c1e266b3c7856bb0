"""What do we know of a source file, and how does match time map to it?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class VideoStream:
    """The picture of a recording, as presented (after rotation and edit lists), at its beginning: it may change later.

    `start_s` is the container time of the first presented frame in seconds: recording_ms 0.
    `width` and `height` are display pixels: rotation and sample aspect ratio are applied.
    `rotation` says by how many degrees clockwise the coded picture is turned for display, after it is put upside down
    if it `is_mirrored`. `is_interlaced`: frames that hold two moments, one in each field.
    """

    index: int
    codec: str
    pix_fmt: str
    width: int
    height: int
    fps: Fraction
    start_s: Fraction
    rotation: int = 0
    is_hdr: bool = False
    is_variable_rate: bool = False
    is_mirrored: bool = False
    is_interlaced: bool = False


@dataclass(frozen=True)
class AudioStream:
    """The sound of a recording; `start_s` in container time, seconds.

    `is_discrete`: its channels have no places (left, right, …), as from a recorder with many microphones. It is sound
    track `track` of `tracks`, counted from 1: the first one in which something is heard.
    """

    index: int
    codec: str
    sample_rate: int
    channels: int
    start_s: Fraction
    is_discrete: bool = False
    track: int = 1
    tracks: int = 1


@dataclass(frozen=True)
class Recording:
    """One source file. `path` is absolute; `fingerprint` is the hex digest of size and sampled MiB.

    `goes_on`: its picture follows that of the recording before it in the match as if they were one.
    `overlap_ms`: so much of its end, which `duration_ms` does not count, the next recording has as well.
    """

    path: str
    size_bytes: int
    fingerprint: str
    demuxer: str
    duration_ms: int
    video: VideoStream
    audio: AudioStream | None
    goes_on: bool = False
    overlap_ms: int = 0


@dataclass(frozen=True)
class Span:
    """A stretch of one recording: `recording` is its index in the match, times are recording_ms."""

    recording: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Timeline:
    """One clock for a match of one or more recordings in order: match_ms 0 is the first frame of the first."""

    durations_ms: tuple[int, ...]

    @classmethod
    def of(cls, recordings: Iterable[Recording]) -> Timeline:
        """The clock over these recordings, in their order."""
        return cls(tuple(recording.duration_ms for recording in recordings))

    @property
    def duration_ms(self) -> int:
        """Length of the match in milliseconds."""
        return sum(self.durations_ms)

    def offset_ms(self, recording: int) -> int:
        """Match time at which the recording with this index begins."""
        return sum(self.durations_ms[:recording])

    def locate(self, match_ms: int) -> tuple[int, int]:
        """Return (recording index, recording_ms) of a match time; the end belongs to the last recording."""
        if not self.durations_ms or match_ms < 0 or match_ms > self.duration_ms:
            raise ValueError(f"{match_ms} ms lies outside the match of {self.duration_ms} ms")
        offset = 0
        for index, duration in enumerate(self.durations_ms):
            if match_ms < offset + duration:
                return index, match_ms - offset
            offset += duration
        last = len(self.durations_ms) - 1
        return last, self.durations_ms[last]

    def spans(self, start_ms: int, end_ms: int) -> tuple[Span, ...]:
        """Split a stretch of match time at the borders of the recordings."""
        found, offset = [], 0
        for index, duration in enumerate(self.durations_ms):
            start, end = max(start_ms - offset, 0), min(end_ms - offset, duration)
            if start < end:
                found.append(Span(index, start, end))
            offset += duration
        return tuple(found)
