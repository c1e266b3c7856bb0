"""Airflow's database and the catalogue's books of old runs stay small."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag

from touchline_airflow.clean_database_tasks import clean_airflow, clean_catalogue
from touchline_airflow.defaults import DEFAULT_ARGS, START_DATE, TAGS
from touchline_airflow.hosts import on_main_host

DOC = """
### What it makes
Smaller databases. `airflow db clean` removes what ended `AIRFLOW_KEEP_DAYS` ago (90) from Airflow's database, without
an archive; the catalogue forgets runs and stage times of that age, but for the last run of each match, and recordings
that are gone from the NAS for as long. Matches, actions, reels and backups stay, so that nothing is made twice when a
recording comes back. A run that goes on is never removed, however old.

### When it runs
Every night, on the main host. It takes seconds, after a long pause minutes.

### If it fails
The last line of the failed task's log says why: mostly a lock that somebody held for longer than a minute, or a
database that is away. Nothing is half removed, and the next try goes on where this one stopped.

### Safe to rerun?
Yes, at any time.
"""


@dag(schedule="45 2 * * *", start_date=START_DATE, catchup=False, max_active_runs=1,
     default_args={**DEFAULT_ARGS, "execution_timeout": timedelta(hours=1)}, dagrun_timeout=timedelta(hours=6),
     tags=[*TAGS, "upkeep"], doc_md=DOC)
def clean_database() -> None:
    """Wire the upkeep of both databases: each task stands alone."""
    on_main_host(clean_airflow)
    on_main_host(clean_catalogue)


clean_database()
