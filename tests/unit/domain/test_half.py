"""SoccerNet's game time: half, and position since the half began."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchline.domain.half import Half, game_time, halves_from_kick_offs, position

kick_offs = st.lists(st.integers(0, 10_000_000), unique=True, max_size=4).map(tuple)


def test_a_match_without_known_kick_offs_is_one_half_from_its_first_frame():
    assert halves_from_kick_offs(()) == (Half(1, 0),)
    assert position(halves_from_kick_offs(()), 754_000) == (1, 754_000)


def test_kick_offs_may_stand_in_any_order():
    assert halves_from_kick_offs((2_890_000, 2_000)) == (Half(1, 2_000), Half(2, 2_890_000))


#   0     2 s                    2890 s
#   |-----|======= half 1 =======|======= half 2 ====
@pytest.mark.parametrize(("match_ms", "expected"), [
    (0, (1, 0)), (1_999, (1, 0)), (2_000, (1, 0)), (2_001, (1, 1)),
    (2_889_999, (1, 2_887_999)), (2_890_000, (2, 0)), (3_000_000, (2, 110_000)),
])
def test_position_counts_from_the_kick_off_of_its_half(match_ms, expected):
    assert position(halves_from_kick_offs((2_000, 2_890_000)), match_ms) == expected


@given(kick_offs, st.integers(0, 20_000_000))
def test_position_is_never_negative_and_names_a_half_that_exists(starts, match_ms):
    halves = halves_from_kick_offs(starts)
    number, position_ms = position(halves, match_ms)
    assert position_ms >= 0
    assert 1 <= number <= len(halves)
    assert halves[number - 1].start_ms + position_ms == max(match_ms, halves[0].start_ms)


@pytest.mark.parametrize(("number", "position_ms", "text"), [
    (1, 0, "1 - 00:00"), (1, 754_999, "1 - 12:34"), (2, 6_059_000, "2 - 100:59"),
])
def test_game_time_is_written_as_soccernet_writes_it(number, position_ms, text):
    assert game_time(number, position_ms) == text
