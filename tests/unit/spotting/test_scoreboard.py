"""Many looks at the graphic, some of them wrong, become a clock and a score."""

from __future__ import annotations

import random

import pytest

from touchline.spotting.scoreboard import Reading, find_periods, find_score_changes, kick_offs_by_clock, read_texts

EVERY_MS = 5000


@pytest.mark.parametrize(("texts", "clock_s", "score"), [
    (["HOM 1-0 AWY", "67:24"], 67 * 60 + 24, (1, 0)),
    (["03:07", "HOM", "2", "1", "AWY"], 187, (2, 1)),
    (["HOM 0", "0 AWY", "45:00", "+3"], 2700, (0, 0)),
    (["45:00 +2:13", "HOM 1 : 1 AWY"], 2700 + 133, (1, 1)),
    (["101:59"], 101 * 60 + 59, None),
    (["12.45", "U12 3–2 U13"], 12 * 60 + 45, (3, 2)),
    (["HOM 1-0 AWY", "2-2"], None, None),  # another match's result beside it
    (["7", "shirt 10", "23", "4"], None, None),
    (["8", "27:18", "HOM", "1 1 AWY", "(1-5)"], 27 * 60 + 18, (1, 1)),  # an icon read as 8; the first leg in brackets
    (["66:28", "HOM", "02", "AWY"], 66 * 60 + 28, (0, 2)),
    (["日本0-0タジキスタン", "0:16"], 16, (0, 0)),
    (["02:11", "HOM", "0", "AWY"], 131, None),
    (["99-98", "300:00"], None, None),
    (["\u0661\u0662:\u0663\u0664", "x" * 5000], None, None),
    ([], None, None),
])
def test_texts_are_read(texts: list[str], clock_s: int | None, score: tuple[int, int] | None) -> None:
    assert read_texts(9, texts) == Reading(9, clock_s, score)


def looks(until_ms: int, *, first_half_ms: int, second_half_ms: int, goals: list[tuple[int, int]],
          wrong: float = 0.0, seed: int = 1) -> list[Reading]:
    """Looks at a match whose clock starts at 0:00 and, after the break, at 45:00; `goals` are (match_ms, side)."""
    chance, found = random.Random(seed), []
    clock: int | None
    score: tuple[int, int] | None
    for at in range(0, until_ms, EVERY_MS):
        home, away = (sum(1 for when, side in goals if side == team and when <= at) for team in (0, 1))
        half = second_half_ms if at >= second_half_ms else first_half_ms
        clock, score = (at - half) // 1000 + (2700 if half == second_half_ms else 0), (home, away)
        if chance.random() < wrong:
            clock, score = chance.choice([clock + 600, clock + 6, None]), chance.choice([(7, away), (8, 8), None])
        found.append(Reading(at, clock if clock is not None and clock >= 0 else None, score))
    return found


GOALS = [(400_000, 0), (1_203_000, 1), (3_900_000, 0)]


@pytest.mark.parametrize("wrong", [0.0, 0.15, 0.35])
def test_clock_and_goals_are_found_among_wrong_readings(wrong: float) -> None:
    readings = looks(6_000_000, first_half_ms=62_000, second_half_ms=3_700_000, goals=GOALS, wrong=wrong)
    first, second = find_periods(readings)
    assert abs(first.begins_ms - 62_000) <= 1000
    assert abs(second.begins_ms - 3_700_000) <= 1000
    assert kick_offs_by_clock([first, second]) == (first.begins_ms, second.begins_ms)
    changes = find_score_changes(readings)
    assert [change.new for change in changes] == [(1, 0), (1, 1), (2, 1)]
    assert all(change.is_goal for change in changes)
    for change, (at, _) in zip(changes, GOALS, strict=True):
        assert change.before_ms < at + EVERY_MS * 6
        assert change.after_ms >= at


def test_a_digit_that_is_read_wrong_for_a_while_is_no_goal_and_no_clock() -> None:
    readings = looks(1_200_000, first_half_ms=0, second_half_ms=10**9, goals=[])
    readings[40:42] = [Reading(one.match_ms, (one.clock_s or 0) + 3600, (1, 0)) for one in readings[40:42]]
    assert find_score_changes(readings) == []
    assert len(find_periods(readings)) == 1


def test_a_goal_that_is_taken_back_is_told_as_that() -> None:
    readings = [Reading(at, None, (1, 0) if 300_000 <= at < 420_000 else (0, 0)) for at in range(0, 900_000, EVERY_MS)]
    there, back = find_score_changes(readings)
    assert there.is_goal
    assert not back.is_goal
    assert (back.old, back.new) == ((1, 0), (0, 0))


def test_a_recording_that_begins_in_the_second_half_does_not_show_its_kick_off() -> None:
    readings = [Reading(at, 60 * 60 + at // 1000, (3, 1)) for at in range(0, 300_000, EVERY_MS)]
    (period,) = find_periods(readings)
    assert period.begins_ms == -15 * 60_000
    assert kick_offs_by_clock([period]) == ()
    assert find_score_changes(readings) == []


def test_a_clock_that_stops_is_two_periods() -> None:
    readings = [Reading(at, (at if at < 200_000 else max(200_000, at - 60_000)) // 1000, None)
                for at in range(0, 600_000, EVERY_MS)]
    assert [period.zero_ms for period in find_periods(readings)] == [0, 60_000]
    assert kick_offs_by_clock(find_periods(readings)) == (0,)


def test_a_clock_that_begins_again_is_a_second_half() -> None:
    readings = [Reading(at, (at if at < 1_500_000 else at - 1_800_000) // 1000, None)
                for at in range(0, 3_000_000, EVERY_MS) if not 1_500_000 <= at < 1_800_000]
    assert kick_offs_by_clock(find_periods(readings)) == (0, 1_800_000)


def test_few_readings_say_nothing() -> None:
    assert find_periods([Reading(0, 5, None), Reading(5000, 10, None)]) == []
    assert find_score_changes([Reading(0, None, (0, 0)), Reading(5000, None, (1, 0))]) == []
    assert find_score_changes([]) == []
    assert find_periods([]) == []
    assert kick_offs_by_clock([]) == ()
