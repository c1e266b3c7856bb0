"""Which stretches of a match deserve a closer look, and how is that work cut up?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HotWindow:
    """A stretch of match time that the scan found worth a closer look."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True)
class Chunk:
    """The unit of GPU work: it owns the moments in [start_ms, end_ms) that lie in its hot windows.

    A chunk decodes a little more on both sides (the overlap, `inference/chunk_overlap.py`), so that a window of frames
    around an owned moment is whole; windows lie on one grid of match time, whatever the chunk borders are.
    """

    index: int
    start_ms: int
    end_ms: int
    hot: tuple[HotWindow, ...]

    @property
    def chunk_id(self) -> str:
        """Name used in files, argv and the Airflow UI: "chunk-0007"."""
        return f"chunk-{self.index:04d}"
