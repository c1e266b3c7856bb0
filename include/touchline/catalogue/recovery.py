"""What does a catalogue that was restored from a backup not know? Called while nothing else works with it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from touchline.catalogue.connection import now_ms, reading, writing
from touchline.catalogue.failures import columns_of, failure_in
from touchline.catalogue.matches import Source, sources_written
from touchline.catalogue.schema import matches, runs
from touchline.domain.run_id import ingest_run_id


@dataclass(frozen=True)
class PublishedMatch:
    """A match that was published after the backup, as its folder describes it."""

    match_id: str
    fingerprint: str
    sources: tuple[Source, ...]
    title: str
    duration_ms: int


def adopt(url: str, found: PublishedMatch) -> list[str] | None:
    """Write a match down as published, so that it is not made again; returns the runs that were making it.

    None, and nothing is written, where this content is another match here, or this match has another content.
    """
    moment = now_ms()
    this = matches.c.match_id == found.match_id
    with writing(url) as connection:
        same = connection.execute(select(matches).where(this | (matches.c.fingerprint == found.fingerprint)))
        rows = same.mappings().all()
        if any((row["match_id"], row["fingerprint"]) != (found.match_id, found.fingerprint) for row in rows):
            return None
        if not rows:
            connection.execute(matches.insert().values(
                match_id=found.match_id, fingerprint=found.fingerprint, recording=found.sources[0].path,
                sources=sources_written(found.sources), status="published", attempt=1, created_at_ms=moment,
                updated_at_ms=moment))
        row = connection.execute(select(matches).where(this)).mappings().one()
        working = connection.execute(select(runs.c.run_id).where(
            runs.c.match_id == found.match_id, runs.c.status == "running")).scalars().all()
        connection.execute(runs.update().where(runs.c.run_id.in_(working)).values(
            status="published", ended_at_ms=moment, working_since_ms=None, **columns_of(None)))
        connection.execute(matches.update().where(this).values(
            status="published", title=found.title, duration_ms=found.duration_ms, lease_holder=None,
            updated_at_ms=moment, **columns_of(None)))
    return sorted({*working, ingest_run_id(found.match_id, row["attempt"]),
                   *([row["lease_holder"]] if row["lease_holder"] else [])})


def forget_lost_runs(url: str, known: Collection[str]) -> list[str]:
    """Forget the runs that still go on for the catalogue, but not for Airflow, which knows the runs `known`.

    Their matches are free again: one without any other run is `registered`, and the ingest starts it; another is what
    its last run made it. Returns one line per match.
    """
    with reading(url) as connection:
        held = connection.execute(select(matches.c.match_id, matches.c.lease_holder)
                                  .where(matches.c.lease_holder.is_not(None))).all()
        open_runs = connection.execute(select(runs.c.match_id, runs.c.run_id).where(runs.c.status == "running")).all()
    lost = sorted({(match_id, run_id) for match_id, run_id in (*held, *open_runs) if run_id not in known})
    lines = [_forget(url, match_id, run_id) for match_id, run_id in lost]
    return [line for line in lines if line]


def _forget(url: str, match_id: str, run_id: str) -> str:
    with writing(url) as connection:
        connection.execute(runs.delete().where(runs.c.run_id == run_id, runs.c.status == "running"))
        connection.execute(matches.update().where(matches.c.match_id == match_id, matches.c.lease_holder == run_id)
                           .values(lease_holder=None))
        match = connection.execute(select(matches).where(matches.c.match_id == match_id)).mappings().one()
        others = connection.execute(select(runs).where(runs.c.match_id == match_id).order_by(
            runs.c.started_at_ms.desc())).mappings().all()
        goes_on = match["lease_holder"] or any(run["status"] == "running" for run in others)
        if match["status"] != "processing" or goes_on:
            return ""
        status, failure = (others[0]["status"], failure_in(dict(others[0]))) if others else ("registered", None)
        connection.execute(matches.update().where(matches.c.match_id == match_id).values(
            status=status, updated_at_ms=now_ms(), **columns_of(failure)))
    again = "the ingest starts it again" if status == "registered" else f"it is {status}: start it again by hand"
    return f"{match_id}: Airflow's backup does not know its run {run_id}; {again}"
