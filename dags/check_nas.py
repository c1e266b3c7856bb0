"""Is the NAS as it must be, on every machine, and how quick is it?"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag

from touchline_airflow.dag_defaults import DEFAULT_ARGS, START_DATE, TAGS
from touchline_airflow.hosts import on_each_host
from touchline_airflow.upkeep.check_nas_tasks import check_nas as check_this_machine

DOC = """
### What it makes
`WORKING_DIR/hosts/<host>/nas.json`: what `touchline check-nas` found on that machine, and the figures it measured.
`process_match` reads the bandwidth: below `PREFETCH_BELOW_MB_S` the recording is copied to `SCRATCH_DIR` beside `scan`.

### When it runs
Every hour, on every machine of `TOUCHLINE_HOSTS` (each needs its own mounts), in its own process and not in a
container. A run takes up to half a minute, reads 256 MiB of a recording and writes and removes as much in
`NAS_OUTPUT_PATH`.

### If it fails
The last line of the log says what is wrong and what to do; warnings stand above it. `docs/how-to/mount-the-nas.md`
explains the lines, `docs/runbooks/slow-nas.md` what to do about a slow NAS. A task that stays queued: that machine's
worker is away.

### Safe to rerun?
Yes, at any time.
"""


@dag(schedule=timedelta(hours=1), start_date=START_DATE, catchup=False, max_active_runs=1,
     dagrun_timeout=timedelta(minutes=30), tags=[*TAGS, "upkeep"], doc_md=DOC,
     # Once more after a few seconds, no longer: a NAS that is away is to be seen.
     default_args={**DEFAULT_ARGS, "retries": 1, "execution_timeout": timedelta(minutes=5)})
def check_nas() -> None:
    """Wire one check per machine."""
    on_each_host(check_this_machine)


check_nas()
