import re

import pytest

from touchline.domain.label import LABELS
from touchline.reels.rules import load_rules

RULES = load_rules()


def test_every_label_has_a_row():
    assert set(RULES.labels) == set(LABELS)


def test_rolls_are_such_that_a_person_sees_what_happened():
    for label, rule in RULES.labels.items():
        assert 2000 <= rule.pre_roll_ms <= 15_000, label
        assert 2000 <= rule.post_roll_ms <= 15_000, label


def test_a_reel_takes_known_labels_from_a_probability_on():
    for kind in RULES.reels.values():
        assert set(kind.actions) <= set(LABELS)
        assert all(0 <= lowest <= 1 for lowest in kind.actions.values())


@pytest.mark.parametrize("page", ["colour", "colour_dark"])
def test_each_reel_has_a_colour_of_its_own_on_a_light_page_and_on_a_dark_one(page):
    colours = [getattr(kind, page) for kind in RULES.reels.values()]
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in colours)
    assert len(set(colours)) == len(colours)


def test_a_new_row_is_a_new_kind_of_reel(new_kind, tmp_path):
    rules = load_rules(new_kind)
    assert rules.takes("of_a_test", "Corner", 0.5, "model")
    assert not rules.takes("of_a_test", "Goal", 1.0, "model")
    other = tmp_path / "other.toml"
    other.write_text(new_kind.read_text().replace("of_a_test", '"../of a test"'))
    with pytest.raises(ValueError, match="use lower-case letters"):
        load_rules(other)


@pytest.mark.parametrize(("label", "own"), [("Save", True), ("Goal kick", True), ("Goal", False),
                                            ("Shots on target", False), ("Penalty", False), ("Corner", False),
                                            ("Direct free-kick", False)])
def test_a_keeper_is_concerned_by_what_the_own_team_does_or_by_what_the_other_does(label, own):
    assert RULES.concerns("keeper", label, "home", "home") is own
    assert RULES.concerns("keeper", label, "away", "home") is not own
    assert RULES.concerns("keeper", label, None, "home") is None
    assert RULES.concerns("keeper", label, "home", None) is None
    assert RULES.concerns("highlights", label, "away", "home")


def test_priorities_differ_so_that_the_leading_action_is_no_accident():
    priorities = [rule.priority for rule in RULES.labels.values()]
    assert len(set(priorities)) == len(priorities)


def test_a_mark_is_always_in_the_highlights_but_not_in_a_reel_its_label_does_not_belong_to():
    assert RULES.takes("highlights", "Throw-in", 1.0, "mark")
    assert not RULES.takes("keeper", "Throw-in", 1.0, "mark")
    assert not RULES.takes("highlights", "Throw-in", 1.0, "model")


def test_a_weak_action_is_left_out_where_the_table_asks_for_more():
    assert RULES.takes("highlights", "Yellow card", 0.6, "model")
    assert not RULES.takes("highlights", "Yellow card", 0.599, "model")


def test_an_unknown_label_gets_the_default_row():
    assert RULES.of("Bicycle kick") == RULES.default
