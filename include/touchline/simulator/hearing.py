"""How loud is a match, and where is it whistled? Known from what `sound.py` mixes, without a sample being mixed.

Powers add, and each source is a loop of known power: so a match of 90 minutes is heard in a moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from touchline.simulator.ambience import Ambience, heard_noises
from touchline.simulator.sound import (
    LOOP_S,
    RATE_HZ,
    SINGLES,
    Samples,
    crowd_levels,
    loops_beside,
    loops_of_crowd,
    single_samples,
    swell_of,
)
from touchline.simulator.state import Noise
from touchline.simulator.world import FPS, Array

HEARD_MS = 500
AROUND_HZ = (1000, 7500)
"""Between these a tone is compared with everything else."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Per half second: mean power (1 is full scale), and the share of a whistle's tone among the sound around it."""

    power: Array
    whistle: Array


def hear(seed: int, noises: Sequence[Noise], tension: Array, ambience: Ambience) -> Heard:
    """What `write_sound` with the same arguments would let one hear."""
    rng = np.random.default_rng([seed, 4])
    murmur, roar = loops_of_crowd(rng)
    noises = heard_noises(noises, ambience, seed)
    calm, loud = crowd_levels(tension, swell_of(noises, len(tension)))
    power = _halves(ambience.crowd**2 * calm**2) * _looped(murmur, len(tension)) + _halves((ambience.crowd * loud) ** 2)
    around = _halves(ambience.crowd**2 * calm**2) * _share_around(murmur)
    around += _halves((ambience.crowd * loud) ** 2) * _share_around(roar)
    singles = single_samples(rng)
    for loop, stretches in loops_beside(rng, ambience):
        sounding = _halves(_inside(stretches, len(tension)))
        power += _looped(loop, len(tension)) * sounding
        around += _looped(loop, len(tension)) * _share_around(loop) * sounding
    tone = float(np.mean(singles["whistle"][: round(SINGLES["whistle"][1][0] * RATE_HZ)] ** 2))
    whistled = _whistled(noises, len(tension))
    power += tone * whistled + _thuds(noises, singles["thud"], len(tension))
    # A loud signal is bent by tanh: of Gaussian noise with power p about p / (1 + 1.7 p) is left.
    power = power / (1 + 1.7 * power) * (1 - _halves(_inside(ambience.silence, len(tension))))
    return Heard(power, np.where((whistled > 0) & (power > 0), tone / (tone + around + 1e-12), 0.0))


def _halves(per_frame: Array) -> Array:
    """Means of half seconds, of values per frame; 12.5 frames are a half second."""
    count = -(-len(per_frame) * 1000 // (FPS * HEARD_MS))
    edges = np.minimum(np.arange(count + 1) * FPS * HEARD_MS / 1000, len(per_frame))
    total = np.interp(edges, np.arange(len(per_frame) + 1), np.concatenate([[0.0], np.cumsum(per_frame)]))
    return np.asarray(np.diff(total) / np.maximum(np.diff(edges), 1e-9))


def _looped(loop: Samples, frames: int) -> Array:
    """Mean power of each half second of a loop that begins with the match."""
    pieces = (loop.reshape(LOOP_S * 1000 // HEARD_MS, -1).astype(np.float64) ** 2).mean(axis=1)
    return np.resize(pieces, -(-frames * 1000 // (FPS * HEARD_MS)))


def _share_around(loop: Samples) -> float:
    """Share of a loop's power that lies where a whistle is compared with it."""
    power = np.abs(np.fft.rfft(loop[: 2 * RATE_HZ])) ** 2
    low, high = (2 * hz for hz in AROUND_HZ)
    return float(power[low:high].sum() / (power.sum() + 1e-12))


def _inside(stretches: Sequence[tuple[int, int]] | None, frames: int) -> Array:
    """1 for every frame in one of the stretches; None means always."""
    inside = np.full(frames, float(stretches is None))
    for first, end in stretches or ():
        inside[first:end] = 1.0
    return inside


def _whistled(noises: Sequence[Noise], frames: int) -> Array:
    """Share of each half second in which a whistle is blown."""
    per_frame = np.zeros(frames)
    for noise in noises:
        begins = noise.frame + SINGLES[noise.kind][0] * FPS if noise.kind in SINGLES else 0.0
        for seconds in SINGLES[noise.kind][1] if noise.kind in SINGLES else ():
            per_frame[round(begins) : round(begins + seconds * FPS)] = 1.0
            begins += (seconds + 0.12) * FPS
    return _halves(per_frame)


def _thuds(noises: Sequence[Noise], thud: Samples, frames: int) -> Array:
    per_frame = np.zeros(frames)
    energy = float(np.sum(thud.astype(np.float64) ** 2)) / RATE_HZ
    for noise in noises:
        if noise.kind == "thud" and noise.frame < frames:
            per_frame[noise.frame] += energy * FPS
    return _halves(per_frame)
