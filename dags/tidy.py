"""What was left open or lying about is closed and removed."""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.sdk import dag

from touchline_airflow.defaults import DEFAULT_ARGS, START_DATE, TAGS
from touchline_airflow.deployment import while_parsing
from touchline_airflow.tidy_tasks import close_ended_runs, reap_containers

DOC = """
### What it makes
Nothing new. It closes the matches of runs that ended without their last task (marked failed or success by hand, timed
out, deleted): the catalogue and `FAILED.txt` say why, the lease is given back, scratch and temporary files are removed.
A match whose folder holds the run's results counts as published. Temporary files and scratch folders that no run holds
go as well, ten minutes after somebody last wrote to them. Containers whose task no longer runs are removed.

### When it runs
Every `TIDY_EVERY_SEC` seconds (300; from 10 to 86400, any other value counts as 300). A run takes a few seconds.

### If it fails
The last line of the failed task's log names the match that could not be closed, a line above it says why: mostly a
catalogue or a folder that is away. Matches that are being made are not touched by it; the next run tries again.

### Safe to rerun?
Yes, at any time: a run that goes on in Airflow is left alone.
"""


@dag(schedule=timedelta(seconds=while_parsing("tidy_every_sec", os.environ)), start_date=START_DATE, catchup=False,
     max_active_runs=1, default_args=DEFAULT_ARGS, tags=[*TAGS, "upkeep"], doc_md=DOC)
def tidy() -> None:
    """Wire the upkeep: each task stands alone."""
    reap_containers()
    close_ended_runs()


tidy()
