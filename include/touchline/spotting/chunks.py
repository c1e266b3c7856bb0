"""Where are the borders of the chunks? How far a chunk looks over them says `inference/chunk_overlap.py`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from touchline.domain.chunk import Chunk, HotWindow

MOST_CHUNKS = 1000
"""Airflow makes at most 1024 tasks of one list, and a chunk's name has four digits."""


def cut_into_chunks(hot: Sequence[HotWindow], durations_ms: Sequence[int], chunk_ms: int) -> tuple[Chunk, ...]:
    """Cut each recording at multiples of `chunk_ms` and give each chunk its share of the hot windows.

    A chunk is longer where there would be over MOST_CHUNKS. Every hot moment belongs to exactly one chunk; stretches
    without one make no chunk. A chunk's index is its place on that grid, so it keeps its name when another stretch
    grows hot or cold, or when a recording comes after the others.

    Args:
        hot: in match time.
        durations_ms: of the recordings, in the order of play.
        chunk_ms: longest chunk.
    """
    chunk_ms = max(chunk_ms, -(-sum(durations_ms) // (MOST_CHUNKS + 1 - len(durations_ms))))
    chunks = []
    for index, (start, end) in enumerate(_grid(durations_ms, chunk_ms)):
        shares = tuple(
            HotWindow(max(window.start_ms, start), min(window.end_ms, end))
            for window in hot
            if window.start_ms < end and window.end_ms > start
        )
        if shares:
            chunks.append(Chunk(index, start, end, shares))
    return tuple(chunks)


def _grid(durations_ms: Sequence[int], chunk_ms: int) -> Iterator[tuple[int, int]]:
    """Start and end of each chunk, in match time; none lies in two recordings."""
    offset = 0
    for duration_ms in durations_ms:
        for start in range(0, duration_ms, chunk_ms):
            yield offset + start, offset + min(start + chunk_ms, duration_ms)
        offset += duration_ms
