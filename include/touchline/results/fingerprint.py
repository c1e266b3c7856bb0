"""Is it the same recording? A fingerprint of its content tells, whatever its name is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

_SAMPLES = 16
_SAMPLE_BYTES = 1 << 20


def match_fingerprint(fingerprints: Sequence[str]) -> str:
    """That of a match from those of its recordings in their order: the content of one, or all of them together."""
    return fingerprints[0] if len(fingerprints) == 1 else hashlib.sha256("".join(fingerprints).encode()).hexdigest()


def fingerprint(path: Path) -> str:
    """Hex sha256 of the size and of 16 MiB sampled evenly over the file (all of it when it is smaller)."""
    with open(path, "rb", opener=without_waiting) as handle:
        return fingerprint_of(handle)


def fingerprint_of(handle: BinaryIO) -> str:
    """The fingerprint of an opened file."""
    size = os.fstat(handle.fileno()).st_size
    digest = hashlib.sha256(str(size).encode())
    span = max(0, size - _SAMPLE_BYTES)
    offsets = sorted({span * number // (_SAMPLES - 1) for number in range(_SAMPLES)})
    for offset in offsets:
        handle.seek(offset)
        digest.update(handle.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def without_waiting(path: str, flags: int) -> int:
    """Opener for `open`: a pipe that took the place of the file must not hold us up; to seek in it is an OSError."""
    return os.open(path, flags | os.O_NONBLOCK)
