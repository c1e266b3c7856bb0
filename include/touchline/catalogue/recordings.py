"""Which files were seen on the mount, and what became of them?

A recording is `waiting` until it stands still and can be read to its end; then it is `registered` (its match is
named), a `duplicate` of a match that has the same content, or `bad`. One that changes is `waiting` again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from sqlalchemy import Connection, select

from touchline.catalogue.connection import insert_new, now_ms, reading, upsert, writing
from touchline.catalogue.schema import recordings

STILL_WRITTEN = "it is still being written"
"""Reason of one that waits although its size and mtime stand: by its ctime data still arrives."""


@dataclass(frozen=True)
class Look:
    """What one look at a file showed. `tail_digest` is that of its last MiB; empty where it was not read.

    `ctime_ns` is when it last changed by the NAS's own clock: a copy that freezes the mtime does not reach it.
    """

    path: str
    size_bytes: int
    mtime_ns: int
    tail_digest: str
    ctime_ns: int | None = None

    @classmethod
    def of(cls, path: str, status: os.stat_result, tail_digest: str = "") -> Self:
        """By what `stat` says; a moment that no database can hold, such as one of the year 2446, is cut."""
        return cls(path, status.st_size, _held(status.st_mtime_ns), tail_digest, _held(status.st_ctime_ns))


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
    ctime_ns: int | None = None
    gone_since_ms: int | None = None
    duration_ms: int | None = None
    fingerprint: str | None = None

    def is_as(self, look: Look) -> bool:
        """Whether the file stood still since this row was written; an unread tail is not compared.

        Nor is the ctime: a NAS that looks through its files moves it.
        """
        return self.has_stat(look) and (not look.tail_digest or look.tail_digest == self.tail_digest)

    def has_stat(self, look: Look) -> bool:
        """Whether size and mtime are the same."""
        return (self.size_bytes, self.mtime_ns) == (look.size_bytes, look.mtime_ns)

    def has_ctime(self, look: Look) -> bool:
        """Whether the ctime is the same, and known."""
        return self.ctime_ns is not None and self.ctime_ns == look.ctime_ns


def every(url: str) -> dict[str, SeenRecording]:
    """All recordings by path."""
    with reading(url) as connection:
        rows = connection.execute(select(recordings)).mappings()
        return {row["path"]: SeenRecording(**row) for row in rows}


def find(url: str, path: str) -> SeenRecording | None:
    """The recording with this path."""
    with reading(url) as connection:
        return _row(connection, path)


def note_looks(url: str, looks: Iterable[Look], moment_ms: int | None = None,
               known: Mapping[str, SeenRecording] | None = None) -> list[SeenRecording]:
    """Compare looks with what is known, write new and changed files as `waiting`; returns all rows looked at.

    `known` is what `every` gave a moment ago, where the caller has it: rows that are written are read again.
    """
    moment = now_ms() if moment_ms is None else moment_ms
    known = every(url) if known is None else known
    rows = {look.path: known.get(look.path) for look in looks}
    news = [look for look in looks if _is_news(rows[look.path], look)]
    if news:
        with writing(url) as connection:
            for look in news:
                rows[look.path] = _note(connection, look, moment)
    return [row for row in rows.values() if row]


def note_bad(url: str, look: Look, reason: str, moment_ms: int) -> None:
    """Write down as bad a file that nobody has to check, unless it is known already."""
    row = replace(_changed(None, look, moment_ms), status="bad", reason=reason, checked_at_ms=moment_ms)
    with writing(url) as connection:
        insert_new(connection, recordings, asdict(row), "path")


def note_gone(url: str, since_ms: Mapping[str, int | None]) -> None:
    """Write down since when recordings are gone, by path; None: they are there."""
    if since_ms:
        with writing(url) as connection:
            for path, moment in since_ms.items():
                connection.execute(recordings.update().where(recordings.c.path == path).values(gone_since_ms=moment))


def forget(url: str, paths: Iterable[str]) -> None:
    """Remove the rows of recordings that are gone; their matches stay."""
    with writing(url) as connection:
        for path in paths:
            connection.execute(recordings.delete().where(recordings.c.path == path,
                                                         recordings.c.gone_since_ms.is_not(None)))


def update(url: str, path: str, **columns: Any) -> None:
    """Set columns of one recording: status, reason, match_id, checked_at_ms, duration_ms, fingerprint."""
    with writing(url) as connection:
        connection.execute(recordings.update().where(recordings.c.path == path).values(**columns))


def _row(connection: Connection, path: str) -> SeenRecording | None:
    row = connection.execute(select(recordings).where(recordings.c.path == path)).mappings().first()
    return SeenRecording(**row) if row else None


def _is_news(row: SeenRecording | None, look: Look) -> bool:
    """Whether something has to be written down."""
    if row is None or not row.is_as(look):
        return True
    return row.status in ("waiting", "bad") and look.ctime_ns is not None and not row.has_ctime(look)


def _note(connection: Connection, look: Look, moment: int) -> SeenRecording:
    row = _row(connection, look.path)
    if row is None or not row.is_as(look):
        row = _changed(row, look, moment)
    elif row.status == "waiting" and row.ctime_ns is not None:
        row = replace(row, ctime_ns=look.ctime_ns, reason=STILL_WRITTEN)
    else:
        row = replace(row, ctime_ns=look.ctime_ns)
    upsert(connection, recordings, asdict(row))
    return row


def _changed(row: SeenRecording | None, look: Look, moment: int) -> SeenRecording:
    fresh = SeenRecording(**asdict(look), first_seen_ms=moment, still_since_ms=moment, checked_at_ms=None,
                          status="waiting", reason=None, match_id=None)
    if row is None:
        return fresh
    return replace(fresh, first_seen_ms=row.first_seen_ms, match_id=row.match_id)


def _held(moment_ns: int) -> int:
    """The nearest that a BigInteger holds: the years 1677 to 2262."""
    return max(-(1 << 63), min(moment_ns, (1 << 63) - 1))
