"""Which matches are there, and how far are they?"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select

from touchline.catalogue.connection import insert_new, now_ms, reading, writing
from touchline.catalogue.failures import columns_of, failure_in
from touchline.catalogue.schema import matches, runs
from touchline.domain.layout import is_chapter
from touchline.domain.run_id import ingest_run_id
from touchline.errors import Failure


@dataclass(frozen=True)
class Source:
    """A recording of a match: its path and the fingerprint of its content."""

    path: str
    fingerprint: str


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
    sources: tuple[Source, ...]
    """Its recordings in the order of play; `recording` is the path of the first."""

    @property
    def is_provisional(self) -> bool:
        """Whether it is made of chapters that were cut from a recording that is still written."""
        return is_chapter(Path(self.recording), self.match_id)

    @property
    def failure(self) -> Failure | None:
        """Why it failed last, or waits."""
        return failure_in(vars(self))


def register(url: str, match_id: str, fingerprint: str, recording: str, sources: Sequence[Source] = ()) -> Match:
    """Return the match of this content; a new one is written as `registered` under the proposed id.

    `recording` is the path of its first recording; `sources` are all of them, where there are several.
    """
    moment = now_ms()
    with writing(url) as connection:
        insert_new(connection, matches, {
            "match_id": match_id, "fingerprint": fingerprint, "recording": recording, "status": "registered",
            "sources": sources_written(sources), "attempt": 1, "created_at_ms": moment, "updated_at_ms": moment},
            "fingerprint")
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


def with_recordings(url: str, contents: Collection[str]) -> list[Match]:
    """The matches that have a recording of one of these contents, the oldest first."""
    named = [matches.c.sources.contains(content) for content in contents]
    wanted = select(matches).where(or_(matches.c.fingerprint.in_(contents), *named))
    with reading(url) as connection:
        rows = connection.execute(wanted.order_by(matches.c.created_at_ms, matches.c.match_id)).mappings()
        return [_match(row) for row in rows]


def every(url: str) -> list[Match]:
    """All matches, the oldest first."""
    with reading(url) as connection:
        rows = connection.execute(select(matches).order_by(matches.c.created_at_ms, matches.c.match_id)).mappings()
        return [_match(row) for row in rows]


def without_run(url: str) -> list[Match]:
    """Registered matches for which no run has begun, or none for the attempt that a late recording made necessary.

    The oldest first.
    """
    begun = select(runs.c.match_id, runs.c.run_id).where(
        runs.c.match_id.in_(select(matches.c.match_id).where(matches.c.status == "registered")))
    with reading(url) as connection:
        every_run = connection.execute(begun).all()
        rows = connection.execute(select(matches).where(matches.c.status == "registered")
                                  .order_by(matches.c.created_at_ms, matches.c.match_id)).mappings()
        found = [_match(row) for row in rows]
    firsts, ids = {match_id for match_id, _ in every_run}, {run_id for _, run_id in every_run}
    return [one for one in found if (one.match_id not in firsts if one.attempt == 1
                                     else ingest_run_id(one.match_id, one.attempt) not in ids)]


def leased(url: str) -> list[Match]:
    """Matches that a run holds, whether that run still works or not, the oldest first."""
    wanted = select(matches).where(matches.c.lease_holder.is_not(None))
    with reading(url) as connection:
        rows = connection.execute(wanted.order_by(matches.c.created_at_ms, matches.c.match_id)).mappings()
        return [_match(row) for row in rows]


def update(url: str, match_id: str, **columns: Any) -> None:
    """Set columns of one match: status, reason and cause, title, duration_ms, pinned, prefetched_on."""
    with writing(url) as connection:
        connection.execute(matches.update().where(matches.c.match_id == match_id)
                           .values(updated_at_ms=now_ms(), **columns))


def pin(url: str, pins: Mapping[str, bool]) -> None:
    """Write down which matches are pinned and which are not (any more), by match id; others stay as they are."""
    with writing(url) as connection:
        for match_id, pinned in sorted(pins.items()):
            connection.execute(matches.update().where(matches.c.match_id == match_id).values(pinned=pinned))


def set_sources(url: str, match_id: str, sources: Sequence[Source]) -> None:
    """The same content lies elsewhere."""
    update(url, match_id, recording=sources[0].path, sources=sources_written(sources))


def reopen(url: str, match: Match, fingerprint: str, sources: Sequence[Source], duration_ms: int | None) -> bool:
    """A recording came later: the match has other content and is made again, under the same id.

    False, and nothing is written, where a run holds it or it was opened again meanwhile.
    """
    free = (matches.c.match_id == match.match_id, matches.c.attempt == match.attempt, matches.c.lease_holder.is_(None))
    with writing(url) as connection:
        done = connection.execute(matches.update().where(*free).values(
            fingerprint=fingerprint, recording=sources[0].path, sources=sources_written(sources),
            duration_ms=duration_ms, attempt=match.attempt + 1, status="registered", updated_at_ms=now_ms(),
            **columns_of(None)))
    return done.rowcount == 1


def absorb(url: str, provisional: Match, match_id: str | None) -> None:
    """Forget a provisional match; its runs, and what they cost, become those of the match, where there is one."""
    with writing(url) as connection:
        if match_id:
            connection.execute(runs.update().where(runs.c.match_id == provisional.match_id).values(match_id=match_id))
        connection.execute(matches.delete().where(matches.c.match_id == provisional.match_id))


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
    found = {name: row[name] for name in Match.__dataclass_fields__}
    sources = json.loads(row["sources"]) if row["sources"] else [[row["recording"], row["fingerprint"]]]
    return Match(**{**found, "sources": tuple(Source(*one) for one in sources)})


def sources_written(sources: Sequence[Source]) -> str | None:
    """For the column; None for one recording, of which `recording` and `fingerprint` tell all."""
    return json.dumps([[one.path, one.fingerprint] for one in sources]) if len(sources) > 1 else None
