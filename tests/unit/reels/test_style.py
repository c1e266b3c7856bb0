from fractions import Fraction

import pytest

from touchline.domain.recording import VideoStream
from touchline.reels.style import reel_rate, reel_size


def _rate(fps, *, varies=False):
    return reel_rate(VideoStream(0, "h264", "yuv420p", 1280, 720, Fraction(fps), Fraction(0), is_variable_rate=varies))


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((1280, 720), (1280, 720)),
        ((3840, 2160), (1920, 1080)),
        ((1080, 1920), (1080, 1920)),
        ((2160, 3840), (1080, 1920)),
        ((853, 479), (852, 478)),
        ((4096, 1), (1920, 2)),
    ],
)
def test_a_reel_has_the_size_of_its_recording_up_to_full_hd_in_even_pixels(size, wanted):
    assert reel_size(*size) == wanted


def test_real_rates_are_kept_exactly():
    assert _rate("30000/1001") == Fraction(30000, 1001)
    assert _rate("25") == 25


def test_rates_above_60_are_halved_so_that_every_frame_kept_is_a_real_one():
    assert _rate("120") == 60
    assert _rate("100") == 50


def test_a_variable_rate_becomes_the_usual_one_next_to_it():
    assert _rate("29.7", varies=True) == 30
    assert _rate("24.9", varies=True) == 25


def test_an_absurd_rate_is_not_believed():
    assert _rate("1000") == 30
    assert _rate("1/2") == 30
