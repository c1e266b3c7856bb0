"""From a file on the NAS to a run of process_match."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag

from touchline_airflow.dag_defaults import DEFAULT_ARGS, START_DATE, TAGS
from touchline_airflow.ingest.check_recording import CheckRecording
from touchline_airflow.ingest.cut_chapter import CutChapter
from touchline_airflow.ingest.sensor import RecordingSensor
from touchline_airflow.ingest.start_match import StartMatch
from touchline_airflow.ingest.tasks import list_growing, register_recordings
from touchline_airflow.late.deadlines import deadline

DOC = """
### What it makes
A row in the catalogue for every recording below `NAS_MOUNT_PATH`, and a run of `process_match` for every new match.
A recording is taken when its size, its mtime and its last MiB stood still over two looks `WATCH_STABLE_TIME_SEC` apart
and its end can be read without an error. A match of several recordings is taken when all of them are complete
(`docs/how-to/match-in-several-files.md`). The output folder, dot files, partial files (`.part`, `.tmp`, `.crdownload`,
`~`), what a NAS or a camera keeps for itself (`@eaDir`, `#recycle`, snapshots, proxies) and links that lead out of the
mount are never taken; nor is what is older than `INGEST_SINCE`, unless its date is that of a camera whose clock was
reset. A video whose format touchline does not read is named once, in the log of `register_recordings` and the summary.
A match whose recording is deleted before its run begins is not made until the recording is back.

With `LIVE=true`, or `live = true` in a match.toml beside them, recordings are looked at while they are written
(`docs/how-to/watch-while-it-records.md`): `cut_chapter` copies what has come, and a run of `process_match` makes a
provisional match folder of it. That is taken back when the match of the whole recording is published.

### When it runs
Always: a run ends when something was found or has grown, or after five minutes, and the next one begins. Of very many
recordings a run takes a hundred, those never checked first. A mail tells of a recording that stands still for
`RECORDING_LATE_MIN` minutes and is not taken, and of a run that lasts that long.

### If it fails
A red `check_recording` is a bad recording: the last line of its log says why, and so do the catalogue and
`NAS_OUTPUT_PATH/<name>-<fingerprint>/FAILED.txt`. Copy the recording again: it is tried again when it changes. One
that is incomplete waits, with its reason in the catalogue. When nothing has changed for `WATCH_BAD_AFTER_SEC` it is
bad, unless its format marks no end (TS, MPEG, FLV) or its recorder never closed it: then it is taken as far as it
decodes, which its reason says. A red `wait_for_recording` means that the mount's settings or the catalogue are wrong:
its log says which.

### Safe to rerun?
Yes. A recording is registered once, whatever its name, and the run of a match is started once.
"""


@dag(schedule="@continuous", start_date=START_DATE, catchup=False, max_active_runs=1, default_args=DEFAULT_ARGS,
     tags=[*TAGS, "ingest"], doc_md=DOC, deadline=deadline("ingest_recordings"))
def ingest_recordings() -> None:
    """Wire the tasks of one look at the mount."""
    due = RecordingSensor(task_id="wait_for_recording", execution_timeout=timedelta(minutes=10))
    # A recording that cannot be checked now is looked at again by the next run: no retry here.
    checked = CheckRecording.partial(
        task_id="check_recording", retries=0, max_active_tis_per_dagrun=4,
        map_index_template="recording-{{ task.shown_name }}").expand(path=due.output)
    cut = CutChapter.partial(
        task_id="cut_chapter", max_active_tis_per_dagrun=4,
        map_index_template="recording-{{ task.shown_name }}").expand(path=due >> list_growing())
    pending = register_recordings(due.output, checked.output)
    cut >> pending
    StartMatch.partial(task_id="start_match", map_index_template="{{ task.match_id }}").expand(match_id=pending)


ingest_recordings()
