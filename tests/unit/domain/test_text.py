"""A text from outside is one harmless line wherever it is shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchline.domain.text import control_in, shown


@pytest.mark.parametrize(("text", "line"), [
    ("Reds – Blues", "Reds – Blues"),
    ("Reds\0Blues", "Reds\ufffdBlues"),
    (" a\nb\r\n\tc\u2028d\x85e ", "a b c d e"),
    ("\x1b[31mred", "\ufffd[31mred"),
    ("U15 \u202egpj.4pm", "U15 gpj.4pm"),
    ("\u0645\u200f \u2067x\u2069", "\u0645 x"),
    ("half a pair: \ud83d", "half a pair: \ufffd"),
    ("👩\u200d⚽ \u200c", "👩\u200d⚽ \u200c"),
])
def test_it_is_shown_as_one_line_without_controls(text: str, line: str) -> None:
    assert shown(text) == line


def test_a_long_one_is_cut_and_says_so() -> None:
    assert shown("abc " * 100, 10) == "abc abc a…"
    assert len(shown("x" * 100_000)) == 2000


@given(st.text(st.characters(exclude_categories=[])), st.integers(1, 50))
def test_shown_again_it_stays_as_it_is(text: str, most: int) -> None:
    line = shown(text, most)
    assert shown(line, most) == line and len(line) <= most
    assert not {unicodedata.category(character) for character in line} & {"Cc", "Zl", "Zp", "Cs"}
    line.encode()


@pytest.mark.parametrize(("text", "found"), [
    ("Été – \u0645\u200f 🎉", None), ("", None), ("a\0b", "U+0000"), ("a\nb", "U+000A"), ("\x85", "U+0085"),
    ("\u2029", "U+2029"), ("\udcff", "U+DCFF"), ("\x7f", "U+007F"),
])
def test_a_control_character_is_named(text: str, found: str | None) -> None:
    assert control_in(text) == found
