"""How does match time become SoccerNet's game time: half and position?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Half:
    """One half on the match timeline: `number` from 1, `start_ms` is its kick-off."""

    number: int
    start_ms: int


def halves_from_kick_offs(kick_offs_ms: tuple[int, ...]) -> tuple[Half, ...]:
    """One half per kick-off, in order; a match without known kick-offs is one half that starts at 0."""
    starts = sorted(kick_offs_ms) or [0]
    return tuple(Half(number, start) for number, start in enumerate(starts, start=1))


def position(halves: tuple[Half, ...], match_ms: int) -> tuple[int, int]:
    """Return (half number, position_ms): what comes before the first kick-off is position 0 of half 1."""
    current = halves[0]
    for half in halves:
        if match_ms >= half.start_ms:
            current = half
    return current.number, max(0, match_ms - current.start_ms)


def game_time(number: int, position_ms: int) -> str:
    """SoccerNet's gameTime: (1, 754_000) → "1 - 12:34"."""
    seconds = position_ms // 1000
    return f"{number} - {seconds // 60:02d}:{seconds % 60:02d}"
