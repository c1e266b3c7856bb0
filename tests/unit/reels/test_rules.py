from touchline.domain.label import LABELS
from touchline.reels.rules import MARKS_REEL, load_rules

RULES = load_rules()


def test_every_label_has_a_row():
    assert set(RULES.labels) == set(LABELS)


def test_rolls_are_such_that_a_person_sees_what_happened():
    for label, rule in RULES.labels.items():
        assert 2000 <= rule.pre_roll_ms <= 15_000, label
        assert 2000 <= rule.post_roll_ms <= 15_000, label


def test_only_known_reels_and_probabilities_stand_in_the_table():
    for rule in RULES.labels.values():
        assert set(rule.reels) <= {"highlights", "keeper"}
        assert all(0 <= lowest <= 1 for lowest in rule.reels.values())


def test_priorities_differ_so_that_the_leading_action_is_no_accident():
    priorities = [rule.priority for rule in RULES.labels.values()]
    assert len(set(priorities)) == len(priorities)


def test_a_mark_is_always_in_the_highlights_but_not_in_a_reel_its_label_does_not_belong_to():
    assert RULES.takes(MARKS_REEL, "Throw-in", 1.0, "mark")
    assert not RULES.takes("keeper", "Throw-in", 1.0, "mark")
    assert not RULES.takes(MARKS_REEL, "Throw-in", 1.0, "model")


def test_a_weak_action_is_left_out_where_the_table_asks_for_more():
    assert RULES.takes(MARKS_REEL, "Yellow card", 0.6, "model")
    assert not RULES.takes(MARKS_REEL, "Yellow card", 0.599, "model")


def test_an_unknown_label_gets_the_default_row():
    assert RULES.of("Bicycle kick") == RULES.default
