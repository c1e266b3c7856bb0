"""What the day left undone, one run per night; and any day of the past, by `airflow backfill create`."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task_group

from touchline_airflow.backfill.check_old import CheckOldRecording
from touchline_airflow.backfill.make_match import MakeMatch
from touchline_airflow.backfill.schedule import every_midnight
from touchline_airflow.backfill.tasks import choose_matches, tell_outcomes
from touchline_airflow.dag_defaults import BACKFILL_POOL, DEFAULT_ARGS, START_DATE, TAGS
from touchline_airflow.late.deadlines import deadline

DOC = """
### What it makes
Runs of `process_match`, the newest match first, for what the day left undone: recordings older than `INGEST_SINCE` that
were never taken; matches that failed, but not because of their recording; published matches whose marks or match.toml
have changed; with `outdated`, those that other models or settings made. Its own runs are called
`nightly__<match_id>__<number>`. The log of `tell_outcomes` has a line for each match: done, left alone, or broken with
its reason. A match that somebody else makes now is never touched.

### When it runs
Every midnight in `TIMEZONE`, for everything that is pending. It starts no further match from `WORKING_DAY_BEGINS` on,
nor once the night took `BACKFILL_GPU_HOURS`. By hand: *Trigger*, for everything at once, whatever the hour. A backfill
run makes only the matches of its own day: `airflow backfill create --dag-id nightly_backfill --from-date 2026-08-01
--to-date 2026-11-30` makes what is missing of a season (docs/how-to/backfill-a-season.md). As many matches are made at
once as the pool `backfill` has slots, and none begins while a match of the day waits or works.

### If it fails
A red `make_match` is a broken match, a red `check_recording` a recording that cannot be read: the last line of its log
says why, and so do the catalogue and `FAILED.txt`. A red `choose_matches` could not look: the NAS or the catalogue is
away. What failed in three nights one after another is left for a person.

### Safe to rerun?
Yes, at any time: what is done is left alone, and what it had begun it goes on with.
"""

PARAMS: dict[str, Any] = {
    "outdated": Param(None, type=["null", "boolean"], title="What is outdated",
                      description="Also make again what other models or settings made; empty: BACKFILL_OUTDATED."),
    "gpu_hours": Param(None, type=["null", "number"], minimum=0, title="GPU hours",
                       description="Start no further match after this many; empty: BACKFILL_GPU_HOURS on a scheduled "
                                   "night, else without limit."),
}


@dag(schedule=every_midnight(os.environ), start_date=START_DATE, catchup=False, max_active_runs=1,
     default_args=DEFAULT_ARGS, params=PARAMS, tags=[*TAGS, "match"], dagrun_timeout=timedelta(days=7), doc_md=DOC,
     deadline=deadline("nightly_backfill"))
def nightly_backfill() -> None:
    """Wire the tasks of one night."""

    @task_group(prefix_group_id=False)
    def match(work: dict[str, Any]) -> None:
        """What is done for one match."""
        name = "match-{{ task.shown_name }}"
        checked = CheckOldRecording(task_id="check_recording", work=work, pool=BACKFILL_POOL, retries=0,
                                    execution_timeout=timedelta(hours=1), map_index_template=name)
        checked >> MakeMatch(task_id="make_match", work=work, pool=BACKFILL_POOL, map_index_template=name)

    work = choose_matches()
    match.expand(work=work) >> tell_outcomes(work)


nightly_backfill()
