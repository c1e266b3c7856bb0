"""How long ago, by a clock that may have been set back."""

from touchline.domain.moment import elapsed_ms


def test_a_moment_in_the_future_counts_as_now() -> None:
    assert elapsed_ms(100, 350) == 250
    assert elapsed_ms(350, 100) == 0
