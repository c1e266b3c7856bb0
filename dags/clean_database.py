"""Airflow's database, its logs and the catalogue's books of old runs stay small."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag

from touchline_airflow.dag_defaults import DEFAULT_ARGS, START_DATE, TAGS
from touchline_airflow.hosts import on_each_host, on_main_host
from touchline_airflow.upkeep.clean_database_tasks import clean_airflow, clean_catalogue, clean_logs, find_limit

DOC = """
### What it makes
Smaller databases and fewer log files. `airflow db clean` removes what ended `AIRFLOW_KEEP_DAYS` ago (90) from Airflow's
database, without an archive; the catalogue forgets runs and stage times of that age, except the last run of each
match, and recordings that have been gone from the NAS for as long. Matches, actions, reels and backups stay, so
nothing is made twice when a recording comes back. On each machine log files of tasks, callbacks and the DAG processor
go when nobody has written to them for as long, those of a run together. A run that goes on is never removed, however
old, nor are its logs, nor a file that Airflow does not make.

Where Airflow has runs on fewer than seven days within that time nothing goes at all: a clock that runs ahead by months,
or a long pause, looks like that. After some days it goes on by itself; the log of `find_limit` says so.

### When it runs
Every night, the databases on the main host. It takes seconds, or minutes after a long pause. At most 500,000 log files
go in one night, within 25 minutes; the rest goes in the next.

### If it fails
The last line of the failed task's log says why: mostly a lock that somebody held for longer than a minute, or a
database that is away; for `clean_logs` a log file that the worker's user may not remove. Nothing is half removed, and
the next try goes on where this one stopped. A `clean_logs_<name>` that stays queued: that machine's worker is away.

### Safe to rerun?
Yes, at any time.
"""


@dag(schedule="45 2 * * *", start_date=START_DATE, catchup=False, max_active_runs=1,
     default_args={**DEFAULT_ARGS, "execution_timeout": timedelta(hours=1)}, dagrun_timeout=timedelta(hours=6),
     tags=[*TAGS, "upkeep"], doc_md=DOC)
def clean_database() -> None:
    """Wire the upkeep of databases and logs: all go up to one moment."""
    limit = on_main_host(find_limit)
    on_main_host(clean_airflow, limit)
    on_main_host(clean_catalogue, limit)
    on_each_host(clean_logs, limit)


clean_database()
