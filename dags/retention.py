"""What can be computed again goes, by age and by space."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from touchline_airflow.dag_defaults import DEFAULT_ARGS, START_DATE, TAGS
from touchline_airflow.hosts import on_each_host, on_main_host
from touchline_airflow.upkeep.retention_tasks import clear_results, clear_scratch, note_pins

DOC = """
### What it makes
Space. Of matches that ended, that no run holds and that nobody worked on for `RETENTION_DAYS`: scan and spottings in
`WORKING_DIR`, the copies there of reels that were published, and files in `.versions` of the match folder that its
manifest does not name any more; in `SCRATCH_DIR` of each host what was not written to for a day. Where `WORKING_DIR` or
`SCRATCH_DIR` is over its budget or its disk has less than `MIN_FREE_GB`, more of that goes, the oldest published match
first. Never: a published reel or export, a recording, anything that a manifest names, a match that somebody pinned by a
file `KEEP` in its match folder. The log has a line for each match and kind, and what was freed.

### When it runs
Every night. By hand: *Trigger*, with `dry_run` to see what would go.

### If it fails
The last line of the failed task's log says why. "more than half would go" stops it before it removes anything: a wrong
clock, catalogue or mount would look like that. Look at it with `dry_run`; if it is right, trigger it with `confirm`.

### Safe to rerun?
Yes, at any time. A match that is taken or pinned meanwhile is left alone. What went is computed again when somebody
runs the match again; to clear a single task of such a run, begin with `scan`.
"""

PARAMS = {
    "dry_run": Param(False, type="boolean", title="Only report", description="Remove nothing; report what would go."),
    "confirm": Param(False, type="boolean", title="Even if it is much",
                     description="Go on where more than RETENTION_MOST_PERCENT would go."),
}


@dag(schedule="30 3 * * *", start_date=START_DATE, catchup=False, max_active_runs=1, params=PARAMS,
     default_args={**DEFAULT_ARGS, "execution_timeout": timedelta(hours=2)}, dagrun_timeout=timedelta(hours=6),
     tags=[*TAGS, "upkeep"], doc_md=DOC)
def retention() -> None:
    """Wire the upkeep of the disks: the pins first."""
    pinned = on_main_host(note_pins)
    pinned >> on_main_host(clear_results)
    pinned >> on_each_host(clear_scratch)


retention()
