"""Colours say which team is the club's home team and whose goalkeeper is ours, or nobody knows."""

import pytest

from touchline.spotting.sides import Sides, distance, find_sides

RED, BLUE, WHITE, YELLOW, GREEN = "#c8102e", "#1d428a", "#ffffff", "#f2c200", "#2e8b57"
PALE_RED, PALE_BLUE, PALE_YELLOW, PALE_GREEN = "#a8535c", "#54668c", "#c0aa4e", "#5d8470"
SEEN = {"home": PALE_RED, "away": PALE_BLUE, "home keeper": PALE_YELLOW, "away keeper": PALE_GREEN}
KITS = {"home": RED, "away": BLUE, "home_keeper": YELLOW, "away_keeper": GREEN}
NO_KITS = dict.fromkeys(KITS)


def test_colours_are_as_far_apart_as_in_the_literature_with_lightness_halved():
    assert distance(WHITE, "#000000") == pytest.approx(50, abs=0.1)
    assert distance("#ff0000", "#00ff00") == pytest.approx(167.9, abs=0.1)
    assert distance(RED, RED) == 0


@pytest.mark.parametrize("kits", [KITS, {**NO_KITS, "home": RED, "away": BLUE}, {**NO_KITS, "home": RED},
                                  {**NO_KITS, "away": BLUE}])
def test_the_team_seen_more_is_home_where_it_wears_the_home_kit(kits):
    sides = find_sides(SEEN, kits, None)
    assert sides == Sides(("home", "away"), {"home": PALE_RED, "away": PALE_BLUE, "home_keeper": PALE_YELLOW,
                                             "away_keeper": PALE_GREEN}, "kits")
    assert (sides.team_of(0.1), sides.team_of(0.9)) == ("home", "away")


def test_the_team_seen_more_is_away_where_it_wears_the_away_kit():
    sides = find_sides(SEEN, {**NO_KITS, "home": BLUE, "away": RED}, None)
    assert sides.kits == {"away": PALE_RED, "home": PALE_BLUE, "away_keeper": PALE_YELLOW, "home_keeper": PALE_GREEN}
    assert (sides.team_of(0.1), sides.team_of(0.9), sides.told_by) == ("away", "home", "kits")


@pytest.mark.parametrize("kits", [NO_KITS, {}, {**NO_KITS, "home_keeper": YELLOW}, {**NO_KITS, "home": "#7d4a7a"},
                                  {**NO_KITS, "home": RED, "away": "#c01530"}])
def test_without_kits_or_with_kits_that_fit_both_ways_the_teams_have_no_clubs_names(kits):
    sides = find_sides(SEEN, kits, None)
    assert (sides.names, sides.told_by) == (("first", "second"), None)
    assert sides.kits["second_keeper"] == PALE_GREEN
    assert sides.team_of(0.9) == "second"


@pytest.mark.parametrize(("away_share", "team"), [(0.0, "home"), (0.34, "home"), (0.35, None), (0.5, None),
                                                  (0.65, None), (0.66, "away"), (1.0, "away")])
def test_a_team_is_named_only_where_it_is_clear_which_one_acts(away_share, team):
    assert find_sides(SEEN, KITS, None).team_of(away_share) == team


def test_where_no_two_teams_were_told_apart_nothing_is_known():
    sides = find_sides({}, KITS, YELLOW)
    assert sides == Sides()
    assert sides.team_of(0.99) is None


@pytest.mark.parametrize(("kits", "our_keeper", "ours"), [
    (KITS, YELLOW, "home"),
    (KITS, GREEN, "away"),
    (KITS, "#e8bc10", "home"),
    (KITS, None, None),
    (KITS, "#ff00ff", None),
    ({**NO_KITS, "home": BLUE, "away": RED}, YELLOW, "away"),
    ({**KITS, "away_keeper": YELLOW}, YELLOW, "home"),
    (NO_KITS, YELLOW, "first"),
    (NO_KITS, GREEN, "second"),
    ({**NO_KITS, "home_keeper": YELLOW}, GREEN, "second"),
])
def test_our_team_is_that_whose_keeper_wears_our_keepers_colour(kits, our_keeper, ours):
    #  what is written comes first; where it does not tell, what is seen
    assert find_sides(SEEN, kits, our_keeper).ours == ours


@pytest.mark.parametrize(("keepers", "ours"), [
    ({"home keeper": "#a09048"}, None), ({"home keeper": "#a09048", "away keeper": PALE_GREEN}, "home"),
    ({"away keeper": PALE_YELLOW}, "away")])
def test_one_keeper_alone_has_to_look_more_alike_than_one_of_two(keepers, ours):
    seen = {"home": PALE_RED, "away": PALE_BLUE, **keepers}
    assert find_sides(seen, {"home": RED, "away": BLUE}, YELLOW).ours == ours


def test_keepers_in_one_colour_do_not_tell_which_is_ours():
    alike = {**SEEN, "away keeper": PALE_YELLOW}
    assert find_sides(alike, {**KITS, "away_keeper": YELLOW}, YELLOW).ours is None
