"""One run per match: from a recording to the published match folder."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag

from touchline.results.request import REELS
from touchline_airflow.capacity.gpu_slots import slots_per_chunk
from touchline_airflow.dag_defaults import DEFAULT_ARGS, LIGHT_POOL, START_DATE, TAGS
from touchline_airflow.late.deadlines import deadline
from touchline_airflow.match.match_step import MatchStep, task_of
from touchline_airflow.match.open_match import OpenMatch
from touchline_airflow.match.stepless_tasks import close_match, list_chunks, list_reels

DOC = """
### What it makes
The match folder of one match, of one recording or several: actions, reels, a report and a manifest, in
`NAS_OUTPUT_PATH/<match_id>/`.
Each task is one `touchline` command that reads files and writes files below `WORKING_DIR/matches/<match_id>/`.

### When it runs
`ingest_recordings` starts it for each new match, and again when a recording of it comes later. By hand: *Trigger*, with
the recording's path below `NAS_MOUNT_PATH`, and those of further recordings of the same match. Two runs of the same
match take turns: the second waits in `open_match` and then reuses what is there.
A 90-minute match takes minutes on a GPU and about as long as the match on two CPU cores; worry when `scan` takes longer
than the match or one `spot_chunk` longer than an hour. A mail says when a run is late: after `MATCH_LATE_FACTOR`
times what its length normally takes here, at least `MATCH_LATE_MIN` minutes.

### If it fails
The last line of the failed task's log is the reason; it is also in a mail, the catalogue and the match folder's
`FAILED.txt`. Exit code 3 means that the recording is bad: copy it again. For anything else clear the failed task
with what lies downstream: finished work is checked and reused.

### Safe to rerun?
Yes, any task, at any time: a whole result is reused, a damaged one is computed again, and the match folder changes only
when all is there. To compute again: start a run with `force`; or, for a single clear, set the Variable
`touchline_force` to the match id (*Admin → Variables*), clear the task, and empty the Variable again.
"""

PARAMS: dict[str, Any] = {
    "recording": Param(type="string", minLength=1, maxLength=4096, title="Recording",
                       description="Path of the recording: absolute, or below NAS_MOUNT_PATH."),
    "more_recordings": Param([], type=["array", "null"], items={"type": "string", "minLength": 1, "maxLength": 4096},
                             title="More recordings", description="Files of the same match that follow the first, in "
                             "the order of play: its second half, further chapters. One per line."),
    "reels": Param(list(REELS), type="array", items={"type": "string", "enum": list(REELS)}, minItems=1,
                   uniqueItems=True, title="Reels", description="Which reels are made.", examples=list(REELS)),
    "force": Param(False, type="boolean", title="Compute again", description="Reuse no result of an earlier run."),
    "match_id": Param(None, type=["null", "string"], title="Match id", description="Set by ingest_recordings."),
}

RUN_TIMEOUT = timedelta(days=7)
"""A match may be held, or wait for space, for days; its deadline says when it is late."""


@dag(schedule=None, start_date=START_DATE, catchup=False, max_active_runs=16,
     default_args={**DEFAULT_ARGS, "pool": LIGHT_POOL}, params=PARAMS, tags=[*TAGS, "match"], doc_md=DOC,
     dagrun_timeout=RUN_TIMEOUT, render_template_as_native_obj=False, deadline=deadline("process_match"))
def process_match() -> None:
    """Wire the steps of one match."""
    opened = OpenMatch(task_id="open_match", poke_interval=10, timeout=RUN_TIMEOUT)
    match = {"match_id": opened.output}

    probe = MatchStep(**task_of("probe"), **match)
    scan = MatchStep(**task_of("scan"), **match)
    plan_chunks = MatchStep(**task_of("plan_chunks"), **match)
    chunks = list_chunks(opened.output)
    spot_chunk = MatchStep.partial(
        **task_of("spot_chunk"), pool_slots=slots_per_chunk(os.environ), map_index_template="{{ task.part }}",
        **match).expand(part=chunks)
    merge_actions = MatchStep(**task_of("merge_actions"), trigger_rule="none_failed", **match)
    plan_reels = MatchStep(**task_of("plan_reels"), **match)
    reels = list_reels(opened.output)
    render_reel = MatchStep.partial(
        **task_of("render_reel"), map_index_template="reel-{{ task.part }}", **match).expand(part=reels)
    publish = MatchStep(**task_of("publish"), trigger_rule="none_failed", **match)
    closed = close_match(opened.output)

    opened >> probe >> scan >> plan_chunks >> chunks >> spot_chunk >> merge_actions >> plan_reels
    [plan_reels, reels] >> render_reel >> publish >> closed
    # When a chunk or a reel fails, what follows ends at once; the others still work, and the run ends after them.
    [spot_chunk, render_reel] >> closed


process_match()
