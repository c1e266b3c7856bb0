"""Both databases and the small results, every hour, into a place where they can be found again."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from touchline_airflow.dag_defaults import DEFAULT_ARGS, START_DATE, TAGS
from touchline_airflow.hosts import on_main_host
from touchline_airflow.recovery.tasks import make_backup, try_restore

DOC = """
### What it makes
A folder in `BACKUP_DIR` with dumps of both databases, the small results of `WORKING_DIR` and a list of all published
files with their digests; a row in the catalogue's `backups`. 24 hourly, 7 daily and 4 weekly ones are kept, the newest
whole one always; newer is what was made later, whatever the clock said. Once a week the newest is restored into an
empty place, compared and dropped again.

### When it runs
Every hour, on the main host. By hand: *Trigger*, with `try_restore` for a trial at once. A backup takes seconds, or
minutes with years of matches; worry when it takes longer than a quarter of an hour.

### If it fails
The last line of the failed task's log says why, and so does the catalogue: mostly `BACKUP_DIR` is away or full, or a
database refuses. Old backups stay. A red `try_restore` means that the newest backup is no good, or that the database's
user may not make a database for the trial (`ALTER ROLE … CREATEDB`). How to use a backup: docs/how-to/recover.md.

### Safe to rerun?
Yes: every run makes a new backup, and one that was interrupted leaves nothing.
"""

PARAMS = {
    "try_restore": Param(False, type="boolean", title="Try a restore",
                         description="Also restore it at once, into a separate, empty place."),
}


@dag(schedule="0 * * * *", start_date=START_DATE, catchup=False, max_active_runs=1,
     default_args={**DEFAULT_ARGS, "execution_timeout": timedelta(minutes=50)}, params=PARAMS, tags=[*TAGS, "upkeep"],
     doc_md=DOC)
def backup() -> None:
    """Wire the backup and its trial."""
    on_main_host(make_backup) >> on_main_host(try_restore)


backup()
