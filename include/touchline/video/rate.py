"""At which rate do the frames come, and is it steady? Measured from packet times: headers lie (FLV says 1000)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

_WHOLE_RATES = (10, 12, 15, 24, 25, 30, 48, 50, 60, 100, 120, 200, 240)
_BROADCAST_RATES = (24, 30, 60, 120)
STANDARD_RATES = (
    *(Fraction(rate) for rate in _WHOLE_RATES),
    *(Fraction(rate * 1000, 1001) for rate in _BROADCAST_RATES),
    Fraction(25, 2),
)
DEFAULT_RATE = Fraction(25)
_SNAP = Fraction(1, 250)
"""A measured rate this close to a standard one is that one (24 and 24000/1001 lie 1/1000 apart: the nearest wins)."""
LOST_FRAMES = 2
"""A capture that begins within a group lacks a few frames; that alone is not a variable rate."""
_UNSTEADY_PART = Fraction(1, 50)


@dataclass(frozen=True)
class RateEstimate:
    """Frames per second of the usual step, and whether more than 2 % of the steps are another."""

    fps: Fraction
    is_variable: bool


def estimate_rate(times_s: Sequence[Fraction], time_base: Fraction, claimed: Sequence[Fraction]) -> RateEstimate:
    """Estimate from the presentation times of the first packets, in any order; `claimed` are the header's rates.

    A header's rate is believed when it agrees with the measured step within one tick of the time base.
    """
    ordered = sorted(set(times_s))
    steps = [after - before for before, after in pairwise(ordered)]
    if not steps:
        return RateEstimate(next((rate for rate in claimed if 1 <= rate <= 240), DEFAULT_RATE), is_variable=False)
    usual = Counter(steps).most_common(1)[0][0] if len(steps) < 3 else sorted(steps)[len(steps) // 2]
    near = [step for step in steps if abs(step - usual) <= max(2 * time_base, usual / 10)]
    mean = sum(near, Fraction(0)) / len(near)
    others = len(steps) - len(near)
    unsteady = others > _UNSTEADY_PART * len(steps) and (others > LOST_FRAMES or len(steps) < 50)
    agreeing = [rate for rate in claimed if rate and abs(1 / rate - mean) <= min(time_base / 10, mean / 1000)]
    return RateEstimate(agreeing[0] if agreeing else _snap(1 / mean), unsteady)


def _snap(rate: Fraction) -> Fraction:
    nearest = min(STANDARD_RATES, key=lambda standard: abs(standard - rate))
    if abs(nearest - rate) <= _SNAP * rate:
        return nearest
    return rate.limit_denominator(1001)
