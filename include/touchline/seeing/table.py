"""Which numbers steer what is seen? Those of `seeing.toml`, each with what chose it."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("seeing.toml")


@cache
def seeing_table(part: str) -> dict[str, Any]:
    """One part of the data table `seeing.toml`."""
    found: dict[str, Any] = tomllib.loads(TABLE.read_text())[part]
    return found
