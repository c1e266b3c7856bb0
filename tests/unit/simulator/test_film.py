"""A match that is watched shows what the film of it shows."""

import pytest

from touchline.simulator.film import film_match, watch_match
from touchline.simulator.state import Phase


def test_what_is_seen_without_a_picture_is_what_the_picture_shows():
    painted = [seen for number, (_, seen, _) in enumerate(film_match(8, 5, "phone", 320, 180)) if number % 5 == 0]
    watched = [seen for _, _, seen, _ in watch_match(8, 5, "phone", 320, 180, every=5)]
    assert watched == painted
    assert any(seen.ball for seen in watched)


@pytest.mark.verify
def test_television_shows_actions_again_and_is_back_before_the_restart():
    views, shown_again = [], 0
    for state, _, _, crew in watch_match(900, 6, "broadcast", 320, 180, every=5):
        views.append(crew.view)
        if crew.view == "replay":
            shown_again += crew.world is not state.world
            assert state.phase is not Phase.OPEN
    assert shown_again == views.count("replay") > 5 * 5
    assert {"main", "replay"} <= set(views)
