"""A moment in the future counts as now: the clock ran ahead when it was written."""

from __future__ import annotations

import pytest

from touchline.catalogue import clock, matches, recordings, runs
from touchline.catalogue.connection import now_ms, writing
from touchline.catalogue.recordings import Look
from touchline.catalogue.runs import StageTime
from touchline.catalogue.schema import matches as match_rows
from touchline.catalogue.schema import runs as run_rows

MATCH = "cup-final-0123456789ab"
HOUR_MS = 3_600_000


@pytest.fixture
def url(empty: str) -> str:
    return empty


def filled(url: str) -> None:
    matches.register(url, MATCH, "f" * 64, "/nas/cup final.mp4")
    recordings.note_looks(url, [Look("/nas/cup final.mp4", 10, 20, "d")])
    runs.begin(url, "run-1", MATCH)
    runs.note_stage(url, "run-1", StageTime("scan", "", 5, True))
    runs.end(url, "run-1")


def test_there_is_a_moment_in_each_table_that_has_a_clock() -> None:
    named = {f"{column.table.name}.{column.name}" for column in clock.MOMENTS}
    assert named >= {"matches.created_at_ms", "matches.updated_at_ms", "recordings.first_seen_ms",
                     "recordings.still_since_ms", "recordings.checked_at_ms", "recordings.gone_since_ms",
                     "runs.started_at_ms", "runs.ended_at_ms", "stage_times.noted_at_ms"}
    assert not {name for name in named if "lease" in name or name.startswith("backups.")}


def test_what_was_written_while_the_clock_ran_ahead_was_written_now(url: str) -> None:
    filled(url)
    back = now_ms() - HOUR_MS
    assert clock.bring_back(url, back) == 7
    [match], [row] = matches.every(url), recordings.every(url).values()
    [run] = runs.of_match(url, MATCH)
    assert (match.updated_at_ms, row.first_seen_ms, row.still_since_ms) == (back,) * 3
    assert (run["started_at_ms"], run["ended_at_ms"]) == (back, back)
    assert not runs.stages_since(url, back + 1) and not runs.ended_since(url, back + 1)
    assert clock.bring_back(url, back) == 0


def test_what_lies_in_the_past_stays_as_it_is(url: str) -> None:
    filled(url)
    with writing(url) as connection:
        connection.execute(match_rows.update().values(created_at_ms=5, updated_at_ms=6))
        connection.execute(run_rows.update().values(started_at_ms=7, ended_at_ms=8))
    assert clock.bring_back(url) == 0
    with writing(url) as connection:
        row = connection.execute(match_rows.select()).mappings().one()
    assert (row["created_at_ms"], row["updated_at_ms"]) == (5, 6)


def test_an_empty_catalogue_has_no_moment(url: str) -> None:
    assert clock.bring_back(url, 0) == 0
