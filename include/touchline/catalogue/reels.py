"""Which reels were made of a match?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from touchline.catalogue.connection import reading, replace_rows, writing
from touchline.catalogue.schema import reels


def replace(url: str, match_id: str, made: Iterable[Mapping[str, Any]]) -> None:
    """Replace all reels that the match had with these (results of `render_reel`)."""
    rows = [{"name": reel["name"], "clips": len(reel["clips"]), "frames": reel["frames"],
             "duration_ms": reel["duration_ms"], "sha256": reel.get("sha256"),
             "size_bytes": reel.get("size_bytes") or 0} for reel in made]
    with writing(url) as connection:
        replace_rows(connection, reels, match_id, rows)


def of_match(url: str, match_id: str) -> list[dict[str, Any]]:
    """The reels of a match by name."""
    with reading(url) as connection:
        rows = connection.execute(select(reels).where(reels.c.match_id == match_id).order_by(reels.c.name))
        return [dict(row) for row in rows.mappings()]
