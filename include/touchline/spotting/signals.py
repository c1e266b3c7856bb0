"""What do packet sizes and sound say about a match, half second by half second, and which stretches are hot?

Pure functions over numpy arrays; all numbers that steer them are in `signals.toml` with their sources. A signal has one
value per step of `step_ms`; values are 0…1 but for loudness, which is in dBFS.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from touchline.domain.chunk import HotWindow

TABLE = Path(__file__).with_name("signals.toml")
Series = NDArray[np.float64]
Samples = NDArray[np.float32]


@cache
def signal_table() -> dict[str, Any]:
    """The data table `signals.toml`."""
    return tomllib.loads(TABLE.read_text())


def step_ms() -> int:
    """Length of one step of every signal, in milliseconds."""
    return int(signal_table()["step_ms"])


def steps_in(duration_ms: int) -> int:
    """Number of steps that cover a duration; the last may be shorter."""
    return -(-duration_ms // step_ms())


# --- picture ---------------------------------------------------------------------------------------------------------


def bytes_per_frame(times_ms: ArrayLike, sizes: ArrayLike, keys: ArrayLike, steps: int) -> Series:
    """Mean packet size per step without key frames, in bytes; steps without a packet take their neighbours' value.

    A recording of key frames only is measured by those.
    """
    place = np.clip(np.asarray(times_ms, np.int64) // step_ms(), 0, max(0, steps - 1))
    size, usual = np.asarray(sizes, np.float64), ~np.asarray(keys, bool)
    if not usual.any():
        usual[:] = True
    count = np.bincount(place[usual], minlength=steps)[:steps]
    total = np.bincount(place[usual], size[usual], minlength=steps)[:steps]
    known = np.flatnonzero(count)
    if not len(known):
        return np.zeros(steps)
    return np.interp(np.arange(steps), known, total[known] / count[known])


def motion(per_frame: Series, dead: NDArray[np.bool_]) -> Series:
    """How much moves, 0…1: 0.5 is the recording's usual, 0 a dead picture. `per_frame` as from `bytes_per_frame`."""
    alive = ~dead & (per_frame > 0)
    result = np.zeros(len(per_frame))
    if alive.any():
        doublings = np.log2(per_frame[alive])
        middle = np.median(doublings)
        spread = 1.4826 * np.median(np.abs(doublings - middle))
        z = (doublings - middle) / max(float(spread), signal_table()["motion"]["least_spread"])
        result[alive] = 1 / (1 + np.exp(-np.clip(z, -30, 30)))
    return result


def dead_candidates(per_frame: Series, pixels: int) -> list[tuple[int, int]]:
    """Stretches (first step, end step) so small in bytes that the picture may be black or frozen."""
    rules = signal_table()["dead"]
    small = per_frame < rules["candidate_bytes_per_px"] * pixels
    gap, steps = rules["join_ms"] // step_ms(), len(small)
    stretches = _joined(_runs(small), gap)
    # Encoders spend more on the first and last frames of a recording.
    stretches = [(first if first > gap else 0, end if end < steps - gap else steps) for first, end in stretches]
    return [(first, end) for first, end in stretches if (end - first) * step_ms() >= rules["least_ms"]]


def is_dead(looks: Sequence[NDArray[np.uint8]]) -> bool:
    """Whether pictures from one stretch show nothing: each uniform, or all the same. Grey or colour, equal shapes."""
    rules = signal_table()["dead"]
    grey = [look.mean(axis=2) if look.ndim == 3 else look.astype(np.float64) for look in looks]
    if not grey:
        return False
    if all(float(picture.std()) <= rules["uniform_spread"] for picture in grey):
        return True
    differences = [float(np.abs(picture - grey[0]).max()) for picture in grey[1:]]
    return bool(differences) and max(differences) <= rules["frozen_difference"]


# --- sound -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sound:
    """Per step: loudness in dBFS, and how clearly a whistle stands out for how long (0…1)."""

    loudness_db: Series
    whistle: Series


def listen(blocks: Iterable[Samples], steps: int) -> Sound:
    """Measure mono sound at the table's rate, sample 0 at time 0, in blocks of any size; memory stays flat.

    Steps that the sound does not reach are silent.
    """
    rules = signal_table()["whistle"]
    rate = rules["rate_hz"]
    loudness = np.full(steps, signal_table()["loudness"]["floor_db"])
    whistles = np.zeros(steps)
    length = rate * step_ms() // 1000
    # Long enough on both sides that a whistle across a border is heard as one.
    reach = rate * rules["sustained_ms"] // 1000 + rules["frame"]
    for number, before, samples, after in _with_neighbours(_pieces(blocks, length)):
        if number >= steps:
            break
        loudness[number] = _loudness_db(samples)
        lead = before[-reach:]
        whistles[number] = _whistle(np.concatenate([lead, samples, after[:reach]]), len(lead), len(samples))
    return Sound(loudness, whistles)


def surge(loudness_db: Series) -> Series:
    """How far a crowd swells above what is usual around it, 0…1, from loudness in dBFS."""
    rules = signal_table()["surge"]
    if not len(loudness_db):
        return np.zeros(0)
    energy = 10 ** (loudness_db / 10)
    smooth = 10 * np.log10(_running_mean(energy, rules["smooth_ms"] // step_ms()) + 1e-12)
    usual = np.maximum(running_median(smooth, rules["median_ms"] // step_ms()), rules["silent_db"])
    above = (smooth - usual - rules["from_db"]) / (rules["full_db"] - rules["from_db"])
    return np.asarray(np.clip(above, 0, 1), np.float64)


_ROWS = 4096
"""Windows whose medians are taken at once: numpy copies them."""


def running_median(values: Series, width: int) -> Series:
    """Median of the `width` values around each, fewer at the ends. Memory does not grow with the length."""
    if not len(values):
        return np.zeros(0)
    half = max(1, width // 2)
    padded = np.pad(values, half, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    found = [np.nanmedian(windows[first : first + _ROWS], axis=1) for first in range(0, len(values), _ROWS)]
    return np.concatenate(found)


# --- what is hot -----------------------------------------------------------------------------------------------------


def hot_steps(moving: Series, surging: Series, whistling: Series) -> NDArray[np.bool_]:
    """Steps worth a closer look; signals of the sound may be empty."""
    table = signal_table()
    hot = moving >= table["motion"]["hot"]
    for signal, name in ((surging, "surge"), (whistling, "whistle")):
        if len(signal):
            hot = hot | (signal >= table[name]["hot"])
    return np.asarray(hot, np.bool_)


def hot_windows(
    hot: NDArray[np.bool_], dead: NDArray[np.bool_], duration_ms: int, empty: NDArray[np.bool_] | None = None
) -> list[HotWindow]:
    """Pad and merge hot steps into windows of match time; a short match is hot as a whole unless all of it is dead.

    No window reaches into `empty` steps, in which there is no picture to look at.
    """
    rules = signal_table()["hot"]
    wanted = np.zeros(len(hot), np.bool_)
    if duration_ms <= rules["whole_match_ms"]:
        wanted[:] = not dead.all()
    else:
        pad = -(-rules["pad_ms"] // step_ms())
        for first, end in _runs(hot):
            wanted[max(0, first - pad) : end + pad] = True
    if empty is not None:
        wanted &= ~empty
    return [HotWindow(first * step_ms(), min(end * step_ms(), duration_ms)) for first, end in _runs(wanted)]


# --- helpers ---------------------------------------------------------------------------------------------------------


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """[F, T, T, F, T] → [(1, 3), (4, 5)]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(first), int(end)) for first, end in edges.reshape(-1, 2)]


def _joined(runs: Sequence[tuple[int, int]], gap: int) -> list[tuple[int, int]]:
    """Join runs that overlap or are at most `gap` apart; runs are in order."""
    result: list[tuple[int, int]] = []
    for first, end in runs:
        if result and first - result[-1][1] <= gap:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((first, end))
    return result


def _running_mean(values: Series, width: int) -> Series:
    """As long as `values`; `numpy.convolve` gives more where these are fewer than the kernel."""
    kernel = np.ones(max(1, min(width, len(values))))
    return np.asarray(np.convolve(values, kernel, "same") / np.convolve(np.ones(len(values)), kernel, "same"))


def _pieces(blocks: Iterable[Samples], length: int) -> Iterator[Samples]:
    """Cut blocks of any size into pieces of `length`; the last may be shorter."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        whole = len(rest) // length * length
        yield from rest[:whole].reshape(-1, length)
        rest = rest[whole:]
    if len(rest):
        yield rest


def _with_neighbours(pieces: Iterator[Samples]) -> Iterator[tuple[int, Samples, Samples, Samples]]:
    nothing = np.zeros(0, np.float32)
    before, current, number = nothing, next(pieces, nothing), 0
    while len(current):
        after = next(pieces, nothing)
        yield number, before, current, after
        before, current, number = current, after, number + 1


def _loudness_db(samples: Samples) -> float:
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(float(signal_table()["loudness"]["floor_db"]), 10 * math.log10(power + 1e-12))


def _whistle(samples: Samples, begin: int, length: int) -> float:
    """Strength 0…1 of the clearest sustained tone that touches [begin, begin + length)."""
    rules = signal_table()["whistle"]
    hop, needed = rules["hop"], -(-rules["sustained_ms"] * rules["rate_hz"] // (1000 * rules["hop"]))
    tone_hz, share = _tones(samples)
    best = 0.0
    for first, end in _steady_runs(tone_hz, share):
        touches = first * hop < begin + length and end * hop > begin
        if touches and end - first >= needed:
            strength = float(np.median(share[first:end])) - rules["zero_share"]
            best = max(best, strength / (rules["full_share"] - rules["zero_share"]))
    return min(1.0, best)


def _steady_runs(tone_hz: Series, share: Series) -> Iterator[tuple[int, int]]:
    """Runs of frames in which one tone stands out and keeps its pitch."""
    rules = signal_table()["whistle"]
    for first, end in _runs(share >= rules["least_share"]):
        begin = first
        for place in range(first + 1, end):
            if abs(tone_hz[place] - np.median(tone_hz[begin:place])) > rules["steady_hz"]:
                yield begin, place
                begin = place
        yield begin, end


def _tones(samples: Samples) -> tuple[Series, Series]:
    """Per frame: the strongest tone of the whistle's range in Hz, and its share of the energy around it."""
    rules = signal_table()["whistle"]
    frame, rate = rules["frame"], rules["rate_hz"]
    if len(samples) < frame:
        return np.zeros(0), np.zeros(0)
    frames = np.lib.stride_tricks.sliding_window_view(samples, frame)[:: rules["hop"]]
    power = np.abs(np.fft.rfft(frames * np.hanning(frame).astype(np.float32), axis=1)) ** 2
    bin_hz = rate / frame
    low, high, reach = (round(rules[name] / bin_hz) for name in ("low_hz", "high_hz", "tone_hz"))
    peak = low + np.argmax(power[:, low:high], axis=1)
    tone = np.take_along_axis(power, peak[:, None] + np.arange(-reach, reach + 1), axis=1).sum(axis=1)
    around = power[:, round(rules["around_low_hz"] / bin_hz) : round(rules["around_high_hz"] / bin_hz)].sum(axis=1)
    # A full-scale sine gives frame² / 16 in its bin and 3/2 of that over all of them.
    audible = tone > 10 ** (rules["quiet_db"] / 10) * frame * frame * 3 / 32
    return peak * bin_hz, np.where(audible, tone / (around + 1e-12), 0.0)
