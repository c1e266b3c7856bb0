"""What was left open or lying about is closed and removed."""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.sdk import dag

from touchline_airflow.dag_defaults import DEFAULT_ARGS, START_DATE, TAGS
from touchline_airflow.deployment import while_parsing
from touchline_airflow.hosts import on_each_host
from touchline_airflow.upkeep.tidy_tasks import close_ended_runs, free_stuck_work, size_pools, tidy_host

DOC = """
### What it makes
Nothing new. It closes the matches of runs that ended without their last task (marked failed or success by hand, timed
out, deleted): the catalogue and `FAILED.txt` say why, the lease is given back, scratch and temporary files are removed.
A match whose folder holds the run's results counts as published. Temporary files that no run holds go as well, ten
minutes after somebody last wrote to them. `tidy_host` works on each machine by itself: scratch folders that no run
holds and containers whose task no longer runs. With several machines, `size_pools` makes the pools `gpu`, `light`,
`render` and `scan` as large as what the workers that answer can do at once. `free_stuck_work` finds tasks that wait for
ten minutes although there is room: a pool that is smaller than one of its tasks needs, or gone, is made large enough.

### When it runs
Every `TIDY_EVERY_SEC` seconds (300; from 10 to 86400, any other value counts as 300). A run takes a few seconds.

### If it fails
The last line of the failed task's log names the match that could not be closed, a line above it says why: mostly a
catalogue or a folder that is away. A `tidy_host_<name>` that stays queued until the run is over: that machine's worker
is away. It does not touch matches that are being made; the next run tries again.

### Safe to rerun?
Yes, at any time: a run that goes on in Airflow is left alone.
"""


@dag(schedule=timedelta(seconds=while_parsing("tidy_every_sec", os.environ)), start_date=START_DATE, catchup=False,
     max_active_runs=1, dagrun_timeout=timedelta(minutes=10), default_args=DEFAULT_ARGS, tags=[*TAGS, "upkeep"],
     doc_md=DOC)
def tidy() -> None:
    """Wire the upkeep: each task stands alone."""
    on_each_host(tidy_host)
    close_ended_runs()
    size_pools() >> free_stuck_work()


tidy()
