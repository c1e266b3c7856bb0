"""Where are the borders of the chunks?"""

from __future__ import annotations

from collections.abc import Sequence

from touchline.domain.chunk import Chunk, HotWindow

MOST_CHUNKS = 1000
"""Airflow makes at most 1024 tasks of one list, and a chunk's name has four digits."""


def cut_into_chunks(hot: Sequence[HotWindow], duration_ms: int, chunk_ms: int) -> tuple[Chunk, ...]:
    """Cut match time at multiples of `chunk_ms` and give each chunk its share of the hot windows.

    A chunk is longer where there would be over MOST_CHUNKS. Every hot moment belongs to exactly one chunk; stretches
    without one make no chunk. A chunk's index is its place on that grid, so it keeps its name when another stretch
    grows hot or cold.
    """
    chunk_ms = max(chunk_ms, -(-duration_ms // MOST_CHUNKS))
    chunks = []
    for index in range((duration_ms + chunk_ms - 1) // chunk_ms):
        start, end = index * chunk_ms, min((index + 1) * chunk_ms, duration_ms)
        shares = tuple(
            HotWindow(max(window.start_ms, start), min(window.end_ms, end))
            for window in hot
            if window.start_ms < end and window.end_ms > start
        )
        if shares:
            chunks.append(Chunk(index, start, end, shares))
    return tuple(chunks)
