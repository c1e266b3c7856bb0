"""Which matches are there, and how far are they?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from touchline.catalogue.connection import insert_new, now_ms, reading, writing
from touchline.catalogue.failures import failure_in
from touchline.catalogue.schema import matches, runs
from touchline.errors import Failure


@dataclass(frozen=True)
class Match:
    """One row of the catalogue; statuses are those of `schema.MATCH_STATUSES`."""

    match_id: str
    fingerprint: str
    recording: str
    title: str | None
    status: str
    reason: str | None
    duration_ms: int | None
    attempt: int
    lease_holder: str | None
    updated_at_ms: int
    pinned: bool
    prefetched_on: str | None
    cause: str | None

    @property
    def failure(self) -> Failure | None:
        """Why it failed last, or waits."""
        return failure_in(vars(self))


def register(url: str, match_id: str, fingerprint: str, recording: str) -> Match:
    """Return the match of this content; a new one is written as `registered` under the proposed id."""
    moment = now_ms()
    with writing(url) as connection:
        insert_new(connection, matches, {
            "match_id": match_id, "fingerprint": fingerprint, "recording": recording, "status": "registered",
            "attempt": 1, "created_at_ms": moment, "updated_at_ms": moment}, "fingerprint")
        return _match(connection.execute(select(matches).where(matches.c.fingerprint == fingerprint)).mappings().one())


def find(url: str, match_id: str) -> Match | None:
    """The match with this id."""
    with reading(url) as connection:
        row = connection.execute(select(matches).where(matches.c.match_id == match_id)).mappings().first()
    return _match(row) if row else None


def find_content(url: str, fingerprint: str) -> Match | None:
    """The match with this content."""
    with reading(url) as connection:
        row = connection.execute(select(matches).where(matches.c.fingerprint == fingerprint)).mappings().first()
    return _match(row) if row else None


def every(url: str) -> list[Match]:
    """All matches, the oldest first."""
    with reading(url) as connection:
        rows = connection.execute(select(matches).order_by(matches.c.created_at_ms, matches.c.match_id)).mappings()
        return [_match(row) for row in rows]


def without_run(url: str) -> list[Match]:
    """Registered matches for which no run has begun, the oldest first."""
    begun = select(runs.c.run_id).where(runs.c.match_id == matches.c.match_id).exists()
    wanted = select(matches).where(matches.c.status == "registered", ~begun)
    with reading(url) as connection:
        rows = connection.execute(wanted.order_by(matches.c.created_at_ms, matches.c.match_id)).mappings()
        return [_match(row) for row in rows]


def leased(url: str) -> list[Match]:
    """Matches that a run holds, whether that run still works or not, the oldest first."""
    wanted = select(matches).where(matches.c.lease_holder.is_not(None))
    with reading(url) as connection:
        rows = connection.execute(wanted.order_by(matches.c.created_at_ms, matches.c.match_id)).mappings()
        return [_match(row) for row in rows]


def update(url: str, match_id: str, **columns: Any) -> None:
    """Set columns of one match: status, reason and cause, title, duration_ms, recording, pinned, prefetched_on."""
    with writing(url) as connection:
        connection.execute(matches.update().where(matches.c.match_id == match_id)
                           .values(updated_at_ms=now_ms(), **columns))


def pin(url: str, pins: Mapping[str, bool]) -> None:
    """Write down which matches are pinned and which are not (any more), by match id; others stay as they are."""
    with writing(url) as connection:
        for match_id, pinned in sorted(pins.items()):
            connection.execute(matches.update().where(matches.c.match_id == match_id).values(pinned=pinned))


@contextmanager
def undisturbed(url: str, match: Match) -> Iterator[bool]:
    """Whether the match is still as it was read, and is held by nobody; nobody can take it inside the block.

    For work of milliseconds: on SQLite nobody else writes to the catalogue meanwhile.
    """
    with writing(url) as connection:
        row = connection.execute(select(matches).where(matches.c.match_id == match.match_id)
                                 .with_for_update()).mappings().first()
        yield row is not None and _match(row) == match and match.lease_holder is None


def take_lease(url: str, match_id: str, holder: str, is_running: Callable[[str], bool]) -> str:
    """Try to take the match for `holder`; returns who has it now: `holder` on success.

    A lease passes to another holder when it was given back, or when `is_running(other)` says no, and for no other
    reason: it has no time limit, because a run may wait for days (held, or for space) and a clock may jump.
    `is_running` is asked outside of the transaction; what it raises, where nobody can tell, leaves the lease as it is.
    """
    ended: str | None = None
    while True:
        with writing(url) as connection:
            current = connection.execute(select(matches.c.lease_holder).where(matches.c.match_id == match_id)
                                         .with_for_update()).scalar_one()
            if current in (None, holder, ended):
                connection.execute(matches.update().where(matches.c.match_id == match_id).values(lease_holder=holder))
                return holder
        if is_running(current):
            return str(current)
        ended = current


def release_lease(url: str, match_id: str, holder: str) -> None:
    """Give the match back; nothing happens when another holds it."""
    with writing(url) as connection:
        connection.execute(matches.update().where(matches.c.match_id == match_id, matches.c.lease_holder == holder)
                           .values(lease_holder=None))


def _match(row: Any) -> Match:
    return Match(*(row[name] for name in Match.__dataclass_fields__))
