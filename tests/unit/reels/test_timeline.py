from hypothesis import given
from hypothesis import strategies as st

from touchline.reels.rules import load_rules
from touchline.reels.timeline import half_views

RULES = load_rules()


def _views(duration_ms, kick_offs=(), actions=(), clips=()):
    match = {"duration_ms": duration_ms, "kick_offs_ms": list(kick_offs)}
    return half_views(match, list(actions), [{"name": "highlights", "clips": list(clips)}], RULES)


def test_a_timeline_runs_from_kick_off_to_kick_off_and_the_first_from_the_beginning():
    #  0 ── kick-off 20 s ────────── kick-off 300 s ─────────── 600 s
    halves = _views(600_000, (20_000, 300_000))
    assert [(half.title, half.start_ms, half.end_ms) for half in halves] == [
        ("First half", 0, 300_000),
        ("Second half", 300_000, 600_000),
    ]


def test_the_scale_counts_from_the_kick_off():
    tick = _views(600_000, (20_000, 300_000))[0].ticks[0]
    assert (tick.text, tick.x) == ("00:00", 6.667)


def test_a_clip_that_reaches_into_two_halves_is_drawn_in_both():
    clip = {"start_ms": 290_000, "end_ms": 310_000}
    first, second = _views(600_000, (0, 300_000), clips=[clip])
    assert (first.bands[0].x, first.bands[0].width) == (96.667, 3.333)
    assert (second.bands[0].x, second.bands[0].width) == (0, 3.333)


@given(st.integers(1, 20_000_000))
def test_the_scale_has_readable_marks_whatever_the_length(duration_ms):
    ticks = _views(duration_ms)[0].ticks
    assert 1 <= len(ticks) <= 24
    assert all(0 <= tick.x <= 100 for tick in ticks)
    assert len({tick.text for tick in ticks}) == len(ticks)


def test_an_empty_match_does_not_divide_by_zero():
    assert _views(0)[0].marks == ()
