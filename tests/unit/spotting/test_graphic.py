"""The graphic is where a clock runs."""

from __future__ import annotations

from touchline.domain.seen_text import SeenText
from touchline.spotting.graphic import Look, find_graphic


def text(words: str, x: float, y: float, *, wide: float = 0.04, high: float = 0.03) -> SeenText:
    return SeenText(words, x, y, x + wide, y + high)


def clock(second: int) -> str:
    return f"{second // 60:02d}:{second % 60:02d}"


def looks(*, moves: bool = False, runs: bool = True) -> list[Look]:
    """A graphic in the left top corner, boards that pass behind it, a sponsor on the right."""
    found = []
    for number in range(10):
        at = number * 30
        place = 0.05 + 0.09 * number if moves else 0.05
        found.append(Look(at * 1000, [
            text(clock(600 + at if runs else 600), place, 0.05), text("HOM", 0.10, 0.05), text("1-0", 0.15, 0.05),
            text("AWY", 0.20, 0.05), text("SPONSOR", 0.80, 0.05), text("BOARD", 0.3 + number / 50, 0.45),
            text(f"1{number}:30", number / 10, 0.8)]))
    return found


def test_the_window_holds_clock_names_and_score_and_no_more() -> None:
    window = find_graphic(looks())
    assert window is not None
    left, top, right, bottom = window
    assert left < 0.05
    assert 0.24 < right < 0.30
    assert 0.02 < top < 0.05
    assert 0.08 < bottom < 0.11


def test_where_no_clock_runs_in_one_place_is_no_graphic() -> None:
    assert find_graphic(looks(moves=True)) is None
    assert find_graphic(looks(runs=False)) is None  # an advertisement: "open till 10:00"
    assert find_graphic([]) is None
    assert find_graphic([Look(0, [])] * 10) is None
