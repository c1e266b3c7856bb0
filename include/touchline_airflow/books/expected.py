"""How long does a match of this length normally take here, with today's models and settings?"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from touchline.catalogue import publications
from touchline.errors import ModelError
from touchline.inference.model_digest import model_digest
from touchline.results.result import digest_of
from touchline.settings import Settings

OVERHEAD_SEC = 60.0
"""What a run takes whatever its length: about 20 tasks that start, wait their turn and end."""
FIRST_RATE = 1.0
"""Run time by match time while nothing was published here: about what two CPU cores take."""
LEAST_RATE = 0.02
LOOK_BACK = 20
ENOUGH = 3
"""Fewer results say little: then those of any length count, and then those made with any settings."""
ALIKE = 2
"""Matches of up to twice and down to half the length are alike."""


def expected_seconds(duration_ms: int, settings: Settings) -> float:
    """How long the run of a match of this length normally works; a guess before anything was published.

    Raises:
        TouchlineError: the catalogue is away.
    """
    return usual_seconds(duration_ms, settings) or OVERHEAD_SEC + FIRST_RATE * duration_ms / 1000


def usual_seconds(duration_ms: int, settings: Settings, *, but: str = "") -> float | None:
    """The same from the results published last, leaving out the run `but`; None where there is none.

    The median of up to LOOK_BACK runs that computed everything themselves: half of them took longer.
    """
    rates = [(past.worked_ms / 1000 - OVERHEAD_SEC) / (past.length_ms / 1000)
             for past in _comparable(duration_ms, settings, but)]
    return OVERHEAD_SEC + duration_ms / 1000 * max(LEAST_RATE, median(rates)) if rates else None


def conditions(settings: Settings) -> str:
    """A short digest of what makes runs slower or faster: models, chunks, threads, GPU, encoder."""
    return digest_of({
        "detector": _model(settings.yolo_model_path), "spotter": _model(settings.spotter_model_path),
        "clip_model": _model(settings.action_model_path),
        "chunk_duration_sec": settings.chunk_duration_sec, "max_workers": settings.max_workers,
        "use_gpu": settings.use_gpu, "output_codec": settings.output_codec})[:16]


def _comparable(duration_ms: int, settings: Settings, but: str) -> list[publications.PastRun]:
    same = {"conditions": conditions(settings)}
    alike = {"lengths_ms": (duration_ms // ALIKE, duration_ms * ALIKE)}
    wishes: tuple[dict[str, Any], ...] = ({**same, **alike}, same, {})
    found: list[publications.PastRun] = []
    for wish in wishes:
        found = publications.past_runs(settings.catalogue_address, LOOK_BACK, but=but, **wish)
        if len(found) >= ENOUGH:
            break
    return found


@cache
def _model(path: Path | None) -> str:
    """Its digest; its path where this machine does not have it."""
    if path is None:
        return ""
    try:
        return model_digest(path)
    except (OSError, ModelError):
        return str(path)
