"""Which runs worked on a match, how long did their stages take, and why did one fail?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select

from touchline.catalogue.connection import now_ms, reading, upsert, writing
from touchline.catalogue.schema import matches, runs, stage_times


@dataclass(frozen=True)
class StageTime:
    """The last attempt of one stage of a run; `part` is a chunk or a reel, or empty.

    `spent_ms` is what all its attempts took together: the catalogue adds it up.
    """

    stage: str
    part: str
    wall_ms: int
    done: bool
    reason: str | None = None
    stats: Mapping[str, Any] | None = None
    spent_ms: int = 0


def begin(url: str, run_id: str, match_id: str) -> None:
    """A run has begun (or begins again) to work on a match."""
    with writing(url) as connection:
        upsert(connection, runs, {"run_id": run_id, "match_id": match_id, "status": "running", "reason": None,
                                  "started_at_ms": now_ms(), "ended_at_ms": None})


def end(url: str, run_id: str, status: str, reason: str | None = None) -> None:
    """A run has ended as `published` or `failed`."""
    with writing(url) as connection:
        connection.execute(runs.update().where(runs.c.run_id == run_id)
                           .values(status=status, reason=reason, ended_at_ms=now_ms()))


def forget_old(url: str, before_ms: int) -> int:
    """Remove runs that ended before, with their stage times, but for the last run of each match; returns how many."""
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
    """Runs that ended since then as plain rows, in the order of their ends."""
    with reading(url) as connection:
        rows = connection.execute(select(runs).where(runs.c.ended_at_ms >= since_ms).order_by(runs.c.ended_at_ms))
        return [dict(row) for row in rows.mappings()]


def open_runs(url: str) -> list[tuple[str, str]]:
    """Run id and match id of all runs that have begun and not ended, the oldest first."""
    wanted = select(runs.c.run_id, runs.c.match_id).where(runs.c.status == "running").order_by(runs.c.started_at_ms)
    with reading(url) as connection:
        return [(row.run_id, row.match_id) for row in connection.execute(wanted)]


def lengths_and_times(url: str, most: int) -> list[tuple[int, int]]:
    """Length of a match and what its longest published run took, in ms, for the matches published last.

    The longest: a run that found all work done says nothing.
    """
    took = func.max(runs.c.ended_at_ms - runs.c.started_at_ms)
    wanted = (select(matches.c.duration_ms, took).join(runs, runs.c.match_id == matches.c.match_id)
              .where(runs.c.status == "published", runs.c.ended_at_ms.is_not(None), matches.c.duration_ms > 0)
              .group_by(matches.c.match_id, matches.c.duration_ms).order_by(func.max(runs.c.ended_at_ms).desc()))
    with reading(url) as connection:
        return [(length, time) for length, time in connection.execute(wanted.limit(most))]


def note_stage(url: str, run_id: str, time: StageTime) -> None:
    """Write down how one attempt of a stage went; a run that never began is not kept."""
    this = ((stage_times.c.run_id == run_id) & (stage_times.c.stage == time.stage) & (stage_times.c.part == time.part))
    with writing(url) as connection:
        if connection.execute(select(runs.c.run_id).where(runs.c.run_id == run_id)).first():
            before = connection.execute(select(stage_times.c.spent_ms).where(this)).scalar() or 0
            upsert(connection, stage_times, {
                "run_id": run_id, "stage": time.stage, "part": time.part, "wall_ms": time.wall_ms, "done": time.done,
                "reason": time.reason, "stats": json.dumps(time.stats, sort_keys=True) if time.stats else None,
                "spent_ms": before + time.wall_ms, "noted_at_ms": now_ms()})


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
    return [StageTime(row["stage"], row["part"], row["wall_ms"], row["done"], row["reason"],
                      json.loads(row["stats"]) if row["stats"] else None, row["spent_ms"]) for row in rows]
