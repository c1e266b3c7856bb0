"""A kind of reel that nobody has: one more row of the table."""

import pytest

from touchline.reels.rules import TABLE

ROW = """
[reel.of_a_test]
title = "Of a test"
colour = "#123456"
colour_dark = "#abcdef"
marks = false
actions = { "Corner" = 0.5 }
"""


@pytest.fixture
def new_kind(tmp_path):
    """The shipped table with the row `of_a_test` at its end."""
    table = tmp_path / "reels.toml"
    table.write_text(TABLE.read_text() + ROW)
    return table
