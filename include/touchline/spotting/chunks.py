"""Where are the borders of the chunks?"""

from __future__ import annotations

from collections.abc import Sequence

from touchline.domain.chunk import Chunk, HotWindow


def cut_into_chunks(hot: Sequence[HotWindow], duration_ms: int, chunk_ms: int) -> tuple[Chunk, ...]:
    """Cut match time at multiples of `chunk_ms` and give each chunk its share of the hot windows.

    Every hot moment belongs to exactly one chunk; stretches without one make no chunk. A chunk's index is its place
    on that grid, so it keeps its name when another stretch grows hot or cold.
    """
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
