"""What does the microphone hear beside the match? What makes loudness alone a bad witness of a goal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from touchline.simulator.state import Noise
from touchline.simulator.tempo import DENSE_BELOW_S
from touchline.simulator.world import FPS

Stretch = tuple[int, int]
_CHEERS = ("roar", "groan", "clap")


@dataclass(frozen=True, slots=True)
class Ambience:
    """Loudness of each source; 1 is a full stadium's crowd, and a voice or music as loud as that.

    `cheered` is the share of the goals and saves at which the crowd is heard. `others` are noises that have nothing to
    do with this match. `music` and `silence` are stretches in frames; in silence nothing at all is heard.
    """

    crowd: float = 1.0
    cheered: float = 1.0
    wind: float = 0.0
    voice: float = 0.0
    others: tuple[Noise, ...] = ()
    music: tuple[Stretch, ...] = ()
    silence: tuple[Stretch, ...] = ()


def ambience_for(kind: str, seed: int, seconds: int) -> Ambience:
    """What is heard where a camera of this kind stands; a short match, as in the demo, is heard without disturbance."""
    if seconds < DENSE_BELOW_S:
        return Ambience()
    rng = np.random.default_rng([seed, 7])
    frames = seconds * FPS
    if kind == "broadcast":
        heard = Ambience(crowd=float(rng.uniform(0.6, 1.2)), cheered=float(rng.uniform(0.8, 1.0)),
                         voice=float(rng.choice([0.0, rng.uniform(0.3, 1.1)])),
                         others=_others(rng, frames, {"roar": 2.0, "clap": 6.0, "groan": 4.0, "whistle": 0.5}),
                         music=_stretches(rng, frames, 1.0, (15, 90)))
    else:
        heard = Ambience(crowd=float(rng.uniform(0.03, 0.35)), cheered=float(rng.uniform(0.3, 0.9)),
                         wind=float(rng.uniform(0.0, 0.9)), voice=float(rng.choice([0.0, rng.uniform(0.1, 0.6)])),
                         others=_others(rng, frames, {"roar": 3.0, "clap": 8.0, "whistle": 12.0, "thud": 30.0}),
                         music=_stretches(rng, frames, 0.7, (20, 240)))
    if rng.random() < 0.12:
        return replace(heard, silence=((0, frames),))
    return replace(heard, silence=_stretches(rng, frames, 0.3, (20, 300)))


def heard_noises(noises: Sequence[Noise], ambience: Ambience, seed: int) -> list[Noise]:
    """The match's own noises, some of them uncheered, and all others."""
    rng = np.random.default_rng([seed, 8])
    own = [noise for noise in noises if noise.kind not in _CHEERS or rng.random() < ambience.cheered]
    return sorted([*own, *ambience.others], key=lambda noise: noise.frame)


def _others(rng: np.random.Generator, frames: int, per_90_min: dict[str, float]) -> tuple[Noise, ...]:
    found = [Noise(int(frame), kind) for kind, rate in per_90_min.items()
             for frame in rng.integers(0, frames, rng.poisson(rate * frames / (5400 * FPS)))]
    return tuple(sorted(found, key=lambda noise: noise.frame))


def _stretches(rng: np.random.Generator, frames: int, per_90_min: float, lasts_s: tuple[float, float]) -> tuple[
        Stretch, ...]:
    starts = rng.integers(0, frames, rng.poisson(per_90_min * frames / (5400 * FPS)))
    return tuple((int(start), min(frames, int(start + rng.uniform(*lasts_s) * FPS))) for start in sorted(starts))
