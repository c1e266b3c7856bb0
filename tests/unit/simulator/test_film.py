"""A match that is watched shows what the film of it shows."""

from touchline.simulator.film import film_match, watch_match


def test_what_is_seen_without_a_picture_is_what_the_picture_shows():
    painted = [seen for number, (_, seen, _) in enumerate(film_match(8, 5, "phone", 320, 180)) if number % 5 == 0]
    watched = [seen for _, _, seen, _ in watch_match(8, 5, "phone", 320, 180, every=5)]
    assert watched == painted
    assert any(seen.ball for seen in watched)
