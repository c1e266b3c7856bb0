"""Which actions did a match have?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from touchline.catalogue.connection import reading, replace_rows, writing
from touchline.catalogue.schema import actions

_COLUMNS = ("match_ms", "half", "position_ms", "label", "confidence", "source")


def replace(url: str, match_id: str, found: Iterable[Mapping[str, Any]]) -> None:
    """Replace all actions that the match had with those of `actions.json`."""
    rows = [{"number": number, **{name: action[name] for name in _COLUMNS}} for number, action in enumerate(found)]
    with writing(url) as connection:
        replace_rows(connection, actions, match_id, rows)


def of_match(url: str, match_id: str) -> list[dict[str, Any]]:
    """The actions of a match in order of time."""
    with reading(url) as connection:
        rows = connection.execute(select(actions).where(actions.c.match_id == match_id).order_by(actions.c.number))
        return [{name: row[name] for name in _COLUMNS} for row in rows.mappings()]
