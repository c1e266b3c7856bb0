"""Which results were matches published with, and how long did it take to make them? Each is counted once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from touchline.catalogue.connection import now_ms, reading, writing
from touchline.catalogue.schema import matches, publications, runs, stage_times

_OF_AN_EARLIER_RELEASE = ""


@dataclass(frozen=True)
class Publication:
    """A match and the run that published it first with this result; see `schema.publications`."""

    match_id: str
    run_id: str
    published_at_ms: int
    worked_ms: int


@dataclass(frozen=True)
class PastRun:
    """How long the match of one published result is, and how long the run had worked that published it first."""

    length_ms: int
    worked_ms: int


def add(url: str, match_id: str, manifest: str, run_id: str, conditions: str = "") -> bool:
    """Write down that a run has published this result (sha256 of its manifest); True when the match never had it.

    What an earlier release published is not known by its manifest: it counts as this one.
    """
    with writing(url) as connection:
        connection.execute(select(matches.c.match_id).where(matches.c.match_id == match_id).with_for_update())
        of_match = publications.c.match_id == match_id
        known = set(connection.execute(select(publications.c.manifest).where(of_match)).scalars())
        if manifest in known:
            return False
        if _OF_AN_EARLIER_RELEASE in known:
            unnamed = publications.c.manifest == _OF_AN_EARLIER_RELEASE
            connection.execute(publications.update().where(of_match, unnamed).values(manifest=manifest))
            return False
        worked_ms = connection.execute(select(runs.c.worked_ms).where(runs.c.run_id == run_id)).scalar() or 0
        connection.execute(publications.insert().values(
            match_id=match_id, manifest=manifest, run_id=run_id, published_at_ms=now_ms(), worked_ms=worked_ms,
            is_whole=worked_ms > 0 and not _found_work_done(connection, run_id), conditions=conditions))
        return True


def since(url: str, since_ms: int) -> list[Publication]:
    """What was published for the first time since then, the oldest first."""
    columns = (publications.c[name] for name in Publication.__dataclass_fields__)
    wanted = select(*columns).where(publications.c.published_at_ms >= since_ms)
    with reading(url) as connection:
        return [Publication(*row) for row in connection.execute(wanted.order_by(publications.c.published_at_ms))]


def past_runs(url: str, most: int, *, conditions: str | None = None, lengths_ms: tuple[int, int] | None = None,
              but: str = "") -> list[PastRun]:
    """Times of the results that were published last, by runs that computed everything themselves.

    Only those made under these conditions, of matches of these lengths (both included), where they are given; the
    run `but` is left out.
    """
    wanted = (select(matches.c.duration_ms, publications.c.worked_ms)
              .join(matches, matches.c.match_id == publications.c.match_id)
              .where(publications.c.is_whole, matches.c.duration_ms > 0, publications.c.run_id != but)
              .order_by(publications.c.published_at_ms.desc()).limit(most))
    if conditions is not None:
        wanted = wanted.where(publications.c.conditions == conditions)
    if lengths_ms:
        wanted = wanted.where(matches.c.duration_ms.between(*lengths_ms))
    with reading(url) as connection:
        return [PastRun(*row) for row in connection.execute(wanted)]


def _found_work_done(connection: Connection, run_id: str) -> bool:
    """Whether another run had done some of this one's work."""
    found = select(stage_times.c.stage).where(stage_times.c.run_id == run_id, stage_times.c.spent_ms == 0)
    return connection.execute(found.limit(1)).first() is not None
