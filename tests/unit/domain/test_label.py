"""Labels keep SoccerNet's exact spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchline.domain.label import ADDED_LABELS, LABELS, SOCCERNET_LABELS, find_label


def test_there_are_the_17_classes_of_soccernet_and_two_of_ours():
    assert len(set(SOCCERNET_LABELS)) == 17
    assert set(ADDED_LABELS) == {"Save", "Goal kick"}
    assert len(set(LABELS)) == 19


@given(st.sampled_from(LABELS), st.sampled_from([str.upper, str.lower, str.title]), st.text(" \t", max_size=3))
def test_a_label_is_found_whatever_its_case_and_the_spaces_around_it(label, change, space):
    assert find_label(space + change(label) + space) == label


@pytest.mark.parametrize("text", ["", "goal!", "Shot on target", "Goalkick"])
def test_another_spelling_is_no_label(text):
    assert find_label(text) is None
