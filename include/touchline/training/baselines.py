"""What does one get without seeing anything? Guesses that a spotter has to beat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from touchline.domain.action import Spotting

EVERY_MS = 10_000
REACH_MS = 5000
"""A peak is the highest within this reach to either side."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A signal of the scan whose peaks are taken for these labels.

    `late_ms`: the peak comes this much after the action. `is_low`: peaks are where the signal is low instead of high.
    """

    signal: str
    labels: tuple[str, ...]
    late_ms: int = 0
    is_low: bool = False


CUES = (
    Cue("surge", ("Goal", "Save"), late_ms=900),
    Cue("surge", ("Shots on target", "Shots off target"), late_ms=1800),
    Cue("whistle", ("Foul", "Offside", "Kick-off", "Penalty", "Yellow card", "Red card", "Yellow->red card",
                    "Direct free-kick", "Indirect free-kick")),
    Cue("motion", ("Clearance", "Corner", "Goal kick")),
    Cue("motion", ("Ball out of play", "Throw-in", "Substitution"), is_low=True),
)
"""The crowd roars at shots; a whistle stops play or starts it; a far kick moves the camera; while the ball is away it
rests. A peak's strength, 0…1, is the confidence. The delays are medians over 560 s of the match of seed 20,000, 3
goals, 9 saves and 20 shots; those of whistles are below 0.2 s.
"""


def uniform(length_ms: int, labels: Sequence[str]) -> list[Spotting]:
    """Every label every ten seconds, always as sure."""
    return [Spotting(ms, label, 0.5) for ms in range(0, length_ms, EVERY_MS) for label in labels]


def motion_and_sound(scan: Mapping[str, Any]) -> list[Spotting]:
    """The peaks of the signals in `scan.json`, each for all labels of its cue; without sound there are fewer."""
    return [Spotting(max(0, ms - cue.late_ms), label, sure) for cue in CUES
            for ms, sure in _peaks(np.subtract(1.0, scan[cue.signal]) if cue.is_low else scan[cue.signal],
                                   scan["step_ms"])
            for label in cue.labels]


def _peaks(values: ArrayLike, step_ms: int) -> list[tuple[int, float]]:
    """(middle of the step, value) of the steps that none within reach surpasses; of equal ones the first."""
    series = np.asarray(values, np.float64)
    if not len(series):
        return []
    reach = REACH_MS // step_ms
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(series, reach, constant_values=-1.0), 2 * reach + 1)
    places = np.flatnonzero((windows.argmax(axis=1) == reach) & (series > 0))
    return [(int(place) * step_ms + step_ms // 2, round(float(series[place]), 3)) for place in places]
