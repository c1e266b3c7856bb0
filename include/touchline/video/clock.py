"""Does a recording's clock run on from its first picture to its last? Told from the packets, without decoding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from touchline.errors import BadRecordingError

LONGEST_SKIP_MS = 10_000
"""A clock that goes on or back by less is damage or a radio link that hangs; a player shows next to nothing of it."""
LEAST_SKIP_MS = 1000
STEADY_PACKETS = 12
"""A new time counts when this many packets keep to it: a damaged time stamp is one packet's."""
MOST_SKIPS = 100_000
_Times = NDArray[np.int64]


def refuse_clock_that_goes_back(path: str, times_ms: _Times) -> None:
    """Look at presentation times in the order of the file.

    Raises:
        BadRecordingError: from some moment on they are earlier than before, once or often, by more than
            `LONGEST_SKIP_MS` in all: several recordings in one file, of which only one could be seen.
    """
    back = np.flatnonzero(np.diff(times_ms) < -LEAST_SKIP_MS)[:MOST_SKIPS] + 1
    lost = _usual(times_ms, back, range(-STEADY_PACKETS, 0)) - _usual(times_ms, back, range(STEADY_PACKETS))
    is_back = lost > LEAST_SKIP_MS
    if lost[is_back].sum() > LONGEST_SKIP_MS:
        first = int(back[is_back][0])
        raise two_recordings(path, int(times_ms[first - 1]), int(times_ms[first]))


def _usual(times_ms: _Times, places: NDArray[np.intp], around: range) -> NDArray[np.float64]:
    """The median of the times around each place."""
    near = np.clip(places[:, None] + np.array(around), 0, max(0, len(times_ms) - 1))
    return np.asarray(np.median(times_ms[near], axis=1) if len(places) else np.zeros(0), np.float64)


def two_recordings(path: str, before_ms: int, after_ms: int) -> BadRecordingError:
    """The error about a clock that goes back between these two recording times."""
    return BadRecordingError(
        f"{path} holds two recordings: its clock goes back from {clock_text(before_ms)} to {clock_text(after_ms)}; "
        "cut it there and copy each part as a file of its own"
    )


def gaps(times_ms: _Times, duration_ms: int) -> list[tuple[int, int]]:
    """Stretches (start, end) within a recording in which no picture comes for more than `LONGEST_SKIP_MS`."""
    shown = np.unique(times_ms[(times_ms >= 0) & (times_ms < duration_ms)])
    found = np.flatnonzero(np.diff(shown) > LONGEST_SKIP_MS)
    return [(int(shown[at]), int(shown[at + 1])) for at in found]


def gap_text(path: str, gap: tuple[int, int]) -> str:
    """One line for a person about a stretch without a picture."""
    start, end = map(clock_text, gap)
    return f"{path} has no picture from {start} to {end}: nothing is looked for there"


def clock_text(ms: int) -> str:
    """23.96 s as "0:24", an hour and 5 s as "1:00:05"."""
    seconds = (max(0, ms) + 500) // 1000
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}:{minutes:02d}:{seconds % 60:02d}" if hours else f"{minutes}:{seconds % 60:02d}"
