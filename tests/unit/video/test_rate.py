from fractions import Fraction

import pytest

from touchline.video.rate import estimate_rate


def times(rate: Fraction, count: int, time_base: Fraction) -> list[Fraction]:
    return [round(number / rate / time_base) * time_base for number in range(count)]


@pytest.mark.parametrize("rate", ["24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60"])
@pytest.mark.parametrize("time_base", ["1/1000", "1/90000", "1/12800"])
def test_a_steady_rate_is_recognised_in_every_time_base(rate, time_base):
    found = estimate_rate(times(Fraction(rate), 200, Fraction(time_base)), Fraction(time_base), [Fraction(1000)])
    assert found.fps == Fraction(rate)
    assert not found.is_variable


def test_an_absurd_claim_is_not_believed():
    assert estimate_rate(times(Fraction(30), 100, Fraction(1, 1000)), Fraction(1, 1000), [Fraction(1000)]).fps == 30


def test_an_unusual_rate_is_believed_when_header_and_times_agree():
    base = Fraction(1, 45_000)
    odd = Fraction(45_000, 1501)
    assert estimate_rate(times(odd, 60, base), base, [odd]).fps == odd


def test_uneven_steps_are_a_variable_rate():
    steps = [Fraction(1, 30)] * 20 + [Fraction(1, 10)] * 8
    moments = [sum(steps[:number], Fraction(0)) for number in range(len(steps))]
    found = estimate_rate(moments, Fraction(1, 90_000), [])
    assert found.is_variable
    assert found.fps == 30


def test_the_order_of_packets_does_not_matter():
    moments = times(Fraction(25), 100, Fraction(1, 1000))
    assert estimate_rate(moments[::-1], Fraction(1, 1000), []).fps == 25


@pytest.mark.parametrize(("claimed", "expected"), [([Fraction(24)], 24), ([Fraction(90_000)], 25), ([], 25)])
def test_a_single_frame_takes_a_sane_claim_or_25(claimed, expected):
    assert estimate_rate([Fraction(0)], Fraction(1, 1000), claimed).fps == expected
