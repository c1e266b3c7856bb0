"""What a match sounds like: a crowd that swells, roars and groans, whistles, boots on the ball, voices, wind, music."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from touchline.simulator.ambience import Ambience, heard_noises
from touchline.simulator.state import Noise
from touchline.simulator.world import FPS, Array

RATE_HZ = 32000
LOOP_S = 12
Samples = NDArray[np.float32]

SWELLS: dict[str, tuple[float, float, float]] = {
    "roar": (1.0, 0.25, 6.0),
    "groan": (0.42, 0.25, 1.6),
    "clap": (0.48, 0.3, 2.4),
}
"""How strong (1 is a goal), how fast it rises and how slowly it fades (s)."""


SINGLES: dict[str, tuple[float, tuple[float, ...]]] = {
    "thud": (0.0, ()),
    "whistle": (0.05, (0.55,)),
    "late whistle": (0.9, (0.35, 0.6)),
    "long whistle": (0.0, (0.4, 0.4, 1.3)),
}
"""How long after its cause each sounds (s), and how long the blasts of a whistle are (s)."""


def write_sound(path: Path, seed: int, noises: Sequence[Noise], tension: Array, ambience: Ambience) -> None:
    """Write a mono 16-bit WAV as long as `tension`, which holds the crowd's 0..1 for every frame.

    Works second by second: memory does not grow with the match.
    """
    rng = np.random.default_rng([seed, 4])
    murmur, roar = loops_of_crowd(rng)
    noises = heard_noises(noises, ambience, seed)
    swell = swell_of(noises, len(tension))
    singles = _singles(rng, noises)
    beside = loops_beside(rng, ambience)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        for first in range(0, len(tension), FPS):
            last = min(first + FPS, len(tension))
            block = ambience.crowd * _crowd(murmur, roar, tension, swell, first, last)
            _mix(block, singles, first * RATE_HZ // FPS)
            for loop, stretches in beside:
                block += _loop(loop, stretches, first, last)
            block *= 1 - _within(ambience.silence, first, last)
            file.writeframes((np.tanh(block) * 32000).astype("<i2").tobytes())


def loops_of_crowd(rng: np.random.Generator) -> tuple[Samples, Samples]:
    """The murmur of a crowd and its roar."""
    return _band_noise(rng, 150, 1400, slope=1.1), _band_noise(rng, 250, 3200, slope=0.7)


def _band_noise(rng: np.random.Generator, low_hz: float, high_hz: float, slope: float) -> Samples:
    """A loop of noise between two frequencies that falls with frequency; its ends meet."""
    count = LOOP_S * RATE_HZ
    frequency = np.fft.rfftfreq(count, 1 / RATE_HZ)
    shape = (np.maximum(frequency, low_hz) / low_hz) ** -slope
    shape *= 1 / (1 + (low_hz / np.maximum(frequency, 1)) ** 4) / (1 + (frequency / high_hz) ** 4)
    spectrum = shape * np.exp(2j * np.pi * rng.random(len(frequency)))
    loop = np.fft.irfft(spectrum, count)
    return (loop / loop.std()).astype(np.float32)


def swell_of(noises: Sequence[Noise], frames: int) -> Array:
    """Extra crowd level per frame after goals, saves and misses."""
    level = np.zeros(frames)
    for noise in noises:
        if noise.kind not in SWELLS:
            continue
        strength, rise, fade = SWELLS[noise.kind]
        time = np.arange(min(frames - noise.frame, round(FPS * (rise + 5 * fade)))) / FPS
        curve = strength * np.minimum(1, time / rise) * np.exp(-np.maximum(0, time - rise * 2) / fade)
        stretch = slice(noise.frame, noise.frame + len(time))
        level[stretch] = np.maximum(level[stretch], curve)
    return level


def _crowd(murmur: Samples, roar: Samples, tension: Array, swell: Array, first: int, last: int) -> Samples:
    start, count = first * RATE_HZ // FPS, (last - first) * RATE_HZ // FPS
    places = np.arange(count)
    frames = first + places * FPS / RATE_HZ
    known = np.arange(max(0, first - 1), min(len(tension), last + 1))
    calm, loud = crowd_levels(np.interp(frames, known, tension[known]), np.interp(frames, known, swell[known]))
    low = murmur[(start + places) % len(murmur)]
    high = roar[(start * 7 // 5 + places) % len(roar)]
    return (low * calm + high * loud).astype(np.float32)


def crowd_levels(tension: Array, swell: Array) -> tuple[Array, Array]:
    """How loud the murmur and the roar are."""
    return 0.045 + 0.06 * tension, 0.015 * tension + 0.42 * swell


def loops_beside(rng: np.random.Generator, ambience: Ambience) -> list[
        tuple[Samples, tuple[tuple[int, int], ...] | None]]:
    """Loops that have nothing to do with the match, each with the stretches in which it is heard (None: always)."""
    made: list[tuple[Samples, tuple[tuple[int, int], ...] | None]] = []
    if ambience.wind:
        gusts = 0.5 + 0.5 * np.abs(_band_noise(rng, 0.1, 0.5, slope=0.0)).clip(0, 2)
        made.append(((0.12 * ambience.wind * gusts * _band_noise(rng, 20, 120, slope=1.5)).astype(np.float32), None))
    if ambience.voice:
        made.append((0.1 * ambience.voice * _voice(rng), None))
    if ambience.music:
        made.append((0.15 * _music(rng), ambience.music))
    return made


def _voice(rng: np.random.Generator) -> Samples:
    """Somebody who talks: a buzz and hiss in syllables, four a second, with pauses for breath."""
    time = np.arange(LOOP_S * RATE_HZ) / RATE_HZ
    pitch_hz = float(rng.uniform(100, 230)) * (1 + 0.12 * np.sin(2 * np.pi * 0.5 * time))
    buzz = (np.sin(2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ) > 0.6) * 2.0 - 0.8
    knots = rng.uniform(0, 1, LOOP_S * 8) * (rng.random(LOOP_S * 8) > 0.25)
    syllables = np.interp(time, np.arange(LOOP_S * 8) / 8, knots)
    return ((buzz * 0.7 + 0.5 * _band_noise(rng, 400, 3400, slope=0.8)) * syllables).astype(np.float32)


def _music(rng: np.random.Generator) -> Samples:
    """Chords that change twice a second over a beat."""
    time = np.arange(LOOP_S * RATE_HZ) / RATE_HZ
    beat = np.exp(-(time % 0.5) / 0.07) * np.sin(2 * np.pi * 70 * time)
    roots = 110.0 * 2 ** (rng.integers(0, 12, LOOP_S * 2) / 12)
    root = roots[(time * 2).astype(int)]
    chord = sum(np.sin(2 * np.pi * root * ratio * time) for ratio in (2.0, 2.5, 3.0))
    return (0.5 * chord + beat).astype(np.float32)


def _loop(loop: Samples, stretches: tuple[tuple[int, int], ...] | None, first: int, last: int) -> Samples:
    start, count = first * RATE_HZ // FPS, (last - first) * RATE_HZ // FPS
    heard: Samples = loop[(start + np.arange(count)) % len(loop)]
    return heard if stretches is None else heard * _within(stretches, first, last)


def _within(stretches: tuple[tuple[int, int], ...], first: int, last: int) -> Samples:
    """1 where a sample lies in one of the stretches of frames, else 0."""
    frames = first + np.arange((last - first) * RATE_HZ // FPS) * FPS / RATE_HZ
    inside = np.zeros(len(frames), bool)
    for begins, ends in stretches:
        inside |= (frames >= begins) & (frames < ends)
    return inside.astype(np.float32)


def _singles(rng: np.random.Generator, noises: Sequence[Noise]) -> list[tuple[int, Samples]]:
    """Start sample and sound of every whistle and kick, in order."""
    made = single_samples(rng)
    return [
        (round((noise.frame / FPS + SINGLES[noise.kind][0]) * RATE_HZ), made[noise.kind])
        for noise in noises
        if noise.kind in made
    ]


def single_samples(rng: np.random.Generator) -> dict[str, Samples]:
    """What each kind of SINGLES sounds like at this match."""
    return {kind: _whistle(rng, blasts) if blasts else _thud() for kind, (_, blasts) in SINGLES.items()}


def _whistle(rng: np.random.Generator, blasts: tuple[float, ...]) -> Samples:
    """A pea whistle: a tone near 3.5 kHz, trilled some 30 times a second."""
    pitch_hz, trill_hz = float(rng.uniform(3250, 3750)), float(rng.uniform(26, 36))
    stretches = []
    for seconds in blasts:
        time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
        trill = np.sin(2 * np.pi * trill_hz * time)
        phase = 2 * np.pi * pitch_hz * time - 110 / trill_hz * np.cos(2 * np.pi * trill_hz * time)
        envelope = np.minimum(1, time / 0.02) * np.minimum(1, (seconds - time) / 0.04) * (0.72 + 0.28 * trill)
        stretches += [0.22 * envelope * np.sin(phase), np.zeros(round(0.12 * RATE_HZ))]
    return np.concatenate(stretches).astype(np.float32)


def _thud() -> Samples:
    time = np.arange(round(0.09 * RATE_HZ)) / RATE_HZ
    return (0.30 * np.exp(-time / 0.018) * np.sin(2 * np.pi * 95 * time)).astype(np.float32)


def _mix(block: Samples, singles: Sequence[tuple[int, Samples]], start: int) -> None:
    """Add to the block what sounds in it, in place."""
    for begin, samples in singles:
        low, high = max(begin, start), min(begin + len(samples), start + len(block))
        if low < high:
            block[low - start : high - start] += samples[low - begin : high - begin]
