"""Which files were seen on the mount, and what became of them?

A recording is `waiting` until it stands still and can be read to its end; then it is `registered` (its match is
named), a `duplicate` of a match that has the same content, or `bad`. One that changes is `waiting` again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import select

from touchline.catalogue.connection import now_ms, reading, upsert, writing
from touchline.catalogue.schema import recordings


@dataclass(frozen=True)
class Look:
    """What one look at a file showed. `tail_digest` is that of its last MiB; empty where it was not read."""

    path: str
    size_bytes: int
    mtime_ns: int
    tail_digest: str


@dataclass(frozen=True)
class SeenRecording:
    """One row of the catalogue."""

    path: str
    size_bytes: int
    mtime_ns: int
    tail_digest: str
    first_seen_ms: int
    still_since_ms: int
    checked_at_ms: int | None
    status: str
    reason: str | None
    match_id: str | None

    def is_as(self, look: Look) -> bool:
        """Whether the file stood still since this row was written; an unread tail is not compared."""
        same_tail = not look.tail_digest or look.tail_digest == self.tail_digest
        return (self.size_bytes, self.mtime_ns) == (look.size_bytes, look.mtime_ns) and same_tail


def every(url: str) -> dict[str, SeenRecording]:
    """All recordings by path."""
    with reading(url) as connection:
        rows = connection.execute(select(recordings)).mappings()
        return {row["path"]: SeenRecording(**row) for row in rows}


def find(url: str, path: str) -> SeenRecording | None:
    """The recording with this path."""
    with reading(url) as connection:
        row = connection.execute(select(recordings).where(recordings.c.path == path)).mappings().first()
    return SeenRecording(**row) if row else None


def note_looks(url: str, looks: Iterable[Look], moment_ms: int | None = None) -> list[SeenRecording]:
    """Compare looks with what is known, write new and changed files as `waiting`; returns all rows looked at."""
    moment = now_ms() if moment_ms is None else moment_ms
    known = every(url)
    rows, changed = [], []
    for look in looks:
        row = known.get(look.path)
        if row is None or not row.is_as(look):
            row = _changed(row, look, moment)
            changed.append(row)
        rows.append(row)
    if changed:
        with writing(url) as connection:
            for row in changed:
                upsert(connection, recordings, asdict(row))
    return rows


def update(url: str, path: str, **columns: Any) -> None:
    """Set columns of one recording: status, reason, match_id, checked_at_ms."""
    with writing(url) as connection:
        connection.execute(recordings.update().where(recordings.c.path == path).values(**columns))


def _changed(row: SeenRecording | None, look: Look, moment: int) -> SeenRecording:
    fresh = SeenRecording(**asdict(look), first_seen_ms=moment, still_since_ms=moment, checked_at_ms=None,
                          status="waiting", reason=None, match_id=None)
    if row is None:
        return fresh
    return replace(fresh, first_seen_ms=row.first_seen_ms, match_id=row.match_id)
