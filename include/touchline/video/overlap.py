"""Does a recording begin before the one before it ends? Some recorders film the border twice: the sound tells."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from touchline.domain.recording import Recording
from touchline.errors import BadRecordingError
from touchline.video.audio import decode_audio

LONGEST_MS = 60_000
"""More is no border that was filmed twice, but two recordings of one thing."""
_SEARCHED_MS = 600_000
_RATE = 4_000
_PIECE_MS = 2_000
"""So much sound is looked for, and so much again at the other end; what overlaps by less is not found."""
_LEAST_ALIKE = 0.5
"""Normalised correlation. Pink noise that was coded twice gave 0.7 and more; other noise of two seconds hardly 0.1."""
_UNIQUE = 0.8
"""What is nearly as alike elsewhere (a tone, a loop) tells nothing."""
_NEAR = _RATE // 20


def overlap_ms(before: Recording, after: Recording) -> int:
    """How much of the end of a recording the next one has as well; 0 where none is heard, or more than half of one.

    Raises:
        BadRecordingError: it is more than a minute.
    """
    start_ms = max(0, before.duration_ms - _SEARCHED_MS)
    ending, beginning = _sound(before, start_ms, before.duration_ms), _sound(after, 0, _SEARCHED_MS)
    lead, length = int((beginning != 0).argmax()) if len(beginning) else 0, _PIECE_MS * _RATE // 1000
    piece = beginning[lead : lead + length]
    if min(len(ending), len(piece)) < length or not piece.any():
        return 0
    alike = _correlation(ending, piece)
    at = int(alike.argmax())
    elsewhere = np.concatenate([alike[: max(0, at - _NEAR)], alike[at + _NEAR :]])
    if alike[at] < _LEAST_ALIKE or elsewhere.max(initial=0.0) > _UNIQUE * alike[at]:
        return 0
    tail, place = ending[-length:], len(ending) - length - at + lead
    around = beginning[max(0, place - _NEAR) : place + length + _NEAR]
    if len(around) < length or _correlation(around, tail).max() < _LEAST_ALIKE:
        return 0
    found_ms = before.duration_ms - start_ms - round((at - lead) * 1000 / _RATE)
    if found_ms > LONGEST_MS:
        raise BadRecordingError(f"{after.path} has the last {found_ms // 1000} s of {before.path} as well: they are no "
                                "two parts of one match, leave one of them out")
    return found_ms if 2 * found_ms < min(before.duration_ms, after.duration_ms) else 0


def without_end(recording: Recording, cut_ms: int) -> int:
    """The length of a recording, in milliseconds, without its last `cut_ms`: whole frames."""
    frames = round(Fraction(recording.duration_ms - cut_ms, 1000) * recording.video.fps)
    return int(frames / recording.video.fps * 1000)


def _sound(recording: Recording, start_ms: int, end_ms: int) -> NDArray[np.float32]:
    """What changes in the sound from sample to sample: hum and wind count less so."""
    blocks = list(decode_audio(recording, sample_rate=_RATE, start_ms=start_ms, end_ms=end_ms))
    return np.diff(np.concatenate(blocks)) if blocks else np.zeros(0, np.float32)


def _correlation(sound: NDArray[np.float32], piece: NDArray[np.float32]) -> NDArray[np.float64]:
    """Normalised correlation of a piece with each stretch of its length: -1…1, by way of the Fourier transform."""
    size = 1 << int(np.ceil(np.log2(len(sound) + len(piece))))
    spectrum = np.fft.rfft(sound, size) * np.fft.rfft(piece, size).conj()
    products = np.fft.irfft(spectrum, size)[: len(sound) - len(piece) + 1]
    energy = np.concatenate([[0.0], np.cumsum(sound.astype(np.float64) ** 2)])
    energies = energy[len(piece) :] - energy[: -len(piece)]
    floor = 1e-3 * float(energies.mean()) + 1e-12
    return products / np.sqrt(np.maximum(energies, floor) * float((piece.astype(np.float64) ** 2).sum()))
