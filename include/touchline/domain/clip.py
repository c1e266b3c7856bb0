"""Which cut of the match shows an action, and which clips make a reel?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Clip:
    """One cut on the match timeline around one action, or several whose cuts overlapped.

    `label` and `confidence` are those of the leading action; `labels` names all.
    """

    start_ms: int
    end_ms: int
    label: str
    confidence: float
    labels: tuple[str, ...]

    @property
    def clip_id(self) -> str:
        """Name of the cut; equal cuts in two reels have the same one: "clip-00012000-00021000"."""
        return f"clip-{self.start_ms:08d}-{self.end_ms:08d}"


@dataclass(frozen=True)
class Reel:
    """Ordered clips in one file."""

    name: str
    clips: tuple[Clip, ...]
