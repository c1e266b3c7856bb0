"""Which runs worked on a match, how long did their stages take, and why did one fail?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from touchline.catalogue.connection import insert_new, now_ms, reading, upsert, writing
from touchline.catalogue.failures import columns_of, failure_in
from touchline.catalogue.schema import runs, stage_times
from touchline.errors import Failure


@dataclass(frozen=True)
class StageTime:
    """The last attempt of one stage of a run; `part` is a chunk or a reel, or empty.

    `spent_ms` is what all its attempts took together: the catalogue adds it up. `reused`: the attempt found the work
    done; its time is not work.
    """

    stage: str
    part: str
    wall_ms: int
    done: bool
    failure: Failure | None = None
    stats: Mapping[str, Any] | None = None
    spent_ms: int = 0
    reused: bool = False


def begin(url: str, run_id: str, match_id: str) -> None:
    """A run has begun to work on a match, or begins again."""
    moment = now_ms()
    with writing(url) as connection:
        insert_new(connection, runs, {"run_id": run_id, "match_id": match_id, "status": "running",
                                      "started_at_ms": moment, "working_since_ms": moment}, "run_id")
        _resume(connection, run_id)


def resume(url: str, run_id: str) -> None:
    """A task of a run works; where the run had ended, the task was cleared, and a new stretch of work begins."""
    with writing(url) as connection:
        _resume(connection, run_id)


def _resume(connection: Connection, run_id: str) -> None:
    connection.execute(runs.update().where(runs.c.run_id == run_id, runs.c.status != "running").values(
        status="running", working_since_ms=now_ms(), **columns_of(None)))


def end(url: str, run_id: str, failure: Failure | None = None) -> None:
    """A run has failed or was published; a stretch that found all work done leaves its times as they were."""
    with writing(url) as connection:
        row = connection.execute(select(runs).where(runs.c.run_id == run_id).with_for_update()).mappings().first()
        if row is None:
            return
        moment, times = now_ms(), {}
        since_ms = row["working_since_ms"]
        if since_ms is not None and (failure or _computed_since(connection, run_id, since_ms)):
            times = {"ended_at_ms": moment, "worked_ms": row["worked_ms"] + max(0, moment - since_ms)}
        elif row["ended_at_ms"] is None:
            times = {"ended_at_ms": moment}
        connection.execute(runs.update().where(runs.c.run_id == run_id).values(
            status="failed" if failure else "published", working_since_ms=None, **columns_of(failure), **times))


def _computed_since(connection: Connection, run_id: str, since_ms: int) -> bool:
    """Whether a task of the run has worked since then; one that found its work done has not."""
    worked = select(stage_times.c.stage).where(stage_times.c.run_id == run_id, stage_times.c.noted_at_ms >= since_ms,
                                               stage_times.c.spent_ms > 0)
    return connection.execute(worked.limit(1)).first() is not None


def count_failure(url: str, run_id: str) -> bool:
    """Whether the failure of a run is news: it was not counted before. One that never began is always news."""
    with writing(url) as connection:
        this = runs.c.run_id == run_id
        counted = connection.execute(select(runs.c.failure_counted).where(this).with_for_update()).scalar()
        connection.execute(runs.update().where(this).values(failure_counted=True))
        return not counted


def worked_ms(url: str, run_id: str) -> int:
    """How long a run has worked in the stretches that ended, gaps apart; 0 where it found all work done."""
    with reading(url) as connection:
        return int(connection.execute(select(runs.c.worked_ms).where(runs.c.run_id == run_id)).scalar() or 0)


def forget_old(url: str, before_ms: int) -> int:
    """Remove runs that ended before, with their stage times, except the last run of each match; returns how many."""
    others = runs.alias()
    later = (others.c.match_id == runs.c.match_id) & (others.c.started_at_ms > runs.c.started_at_ms)
    with writing(url) as connection:
        return connection.execute(runs.delete().where(
            runs.c.status != "running", runs.c.ended_at_ms < before_ms,
            select(others.c.run_id).where(later).exists())).rowcount


def of_match(url: str, match_id: str) -> list[dict[str, Any]]:
    """All runs of a match as plain rows, the oldest first."""
    with reading(url) as connection:
        rows = connection.execute(select(runs).where(runs.c.match_id == match_id).order_by(runs.c.started_at_ms))
        return [dict(row) for row in rows.mappings()]


def ended_since(url: str, since_ms: int) -> list[dict[str, Any]]:
    """Runs that ended since then and do not work now, as plain rows in the order of their ends."""
    wanted = select(runs).where(runs.c.ended_at_ms >= since_ms, runs.c.status != "running")
    with reading(url) as connection:
        rows = connection.execute(wanted.order_by(runs.c.ended_at_ms))
        return [dict(row) for row in rows.mappings()]


def open_runs(url: str) -> list[tuple[str, str]]:
    """Run id and match id of all runs that have begun and not ended, the oldest first."""
    wanted = select(runs.c.run_id, runs.c.match_id).where(runs.c.status == "running").order_by(runs.c.started_at_ms)
    with reading(url) as connection:
        return [(row.run_id, row.match_id) for row in connection.execute(wanted)]


def note_stage(url: str, run_id: str, time: StageTime) -> None:
    """Write down how one attempt of a stage went; a run that never began is not kept.

    An attempt that found the work done, or that took no time because it waits, adds nothing to the times.
    """
    this = ((stage_times.c.run_id == run_id) & (stage_times.c.stage == time.stage) & (stage_times.c.part == time.part))
    spent_ms = 0 if time.reused else time.wall_ms
    with writing(url) as connection:
        if not connection.execute(select(runs.c.run_id).where(runs.c.run_id == run_id)).first():
            return
        before = connection.execute(select(stage_times).where(this)).mappings().first()
        times = {"wall_ms": time.wall_ms, "spent_ms": (before["spent_ms"] if before else 0) + spent_ms,
                 "noted_at_ms": now_ms()}
        if before and not spent_ms:
            times = {name: before[name] for name in times}
        upsert(connection, stage_times, {
            "run_id": run_id, "stage": time.stage, "part": time.part, "done": time.done, **columns_of(time.failure),
            "stats": json.dumps(time.stats, sort_keys=True) if time.stats else None, **times})


def stages(url: str, run_id: str) -> list[StageTime]:
    """All stages of a run that were noted, by name and part."""
    return _stages(url, stage_times.c.run_id == run_id)


def stages_since(url: str, since_ms: int) -> list[StageTime]:
    """All stages, of any run, whose last attempt ended since then."""
    return _stages(url, stage_times.c.noted_at_ms >= since_ms)


def _stages(url: str, wanted: ColumnElement[bool]) -> list[StageTime]:
    statement = select(stage_times).where(wanted).order_by(stage_times.c.stage, stage_times.c.part)
    with reading(url) as connection:
        rows = connection.execute(statement).mappings().all()
    return [StageTime(row["stage"], row["part"], row["wall_ms"], row["done"], failure_in(dict(row)),
                      json.loads(row["stats"]) if row["stats"] else None, row["spent_ms"],
                      reused=row["done"] and not row["spent_ms"]) for row in rows]
