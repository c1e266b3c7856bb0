"""How does a task of `process_match` run its step, and keep the books of it?"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowRescheduleException

from touchline.catalogue import matches, runs
from touchline.domain.layout import WorkFiles, is_match_id
from touchline.domain.step_table import Need, step_named
from touchline.errors import UsageError
from touchline.results.request import Request, save_request
from touchline.results.result import REUSED, read_stats
from touchline.settings import Settings
from touchline.sidecars.find import stray_notes
from touchline_airflow.books.leases import run_is_active
from touchline_airflow.capacity.disk_space import NoSpaceYetError, copy_fits, require_scratch
from touchline_airflow.dag_defaults import LIGHT_POOL
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.failing import fail, fail_with, failing_plainly
from touchline_airflow.hold.waiting import wait, wait_for_release, wait_while_held
from touchline_airflow.hosts import this_host
from touchline_airflow.match.copying import RunningCopy, has_copies, slow_rate
from touchline_airflow.match.force import is_forced
from touchline_airflow.match.locality import STEP_BACK_SEC, better_host
from touchline_airflow.match.request import request_of
from touchline_airflow.metrics.step_ended import step_ended
from touchline_airflow.ops.cost_stop import stop_for_cost
from touchline_airflow.plain_fields import PlainFields
from touchline_airflow.runtime.mounts import match_mounts
from touchline_airflow.runtime.process import Finished
from touchline_airflow.runtime.step_task import StepTask

if TYPE_CHECKING:
    from airflow.sdk import Context


def task_of(step: str) -> dict[str, Any]:
    """What Airflow knows of a step's task: name, pool, queue and time limit, from the table of steps.

    Retries and the waits before them are those of all tasks (`dag_defaults`).
    """
    row = step_named(step)
    queue = {} if row.pool == LIGHT_POOL else {"queue": row.pool}
    return {"task_id": row.name, "pool": row.pool, **queue, "execution_timeout": timedelta(hours=row.hours)}


class MatchStep(PlainFields, StepTask):
    """Run `touchline <task_id> -- MATCH_ID [PART]`.

    The step's lines appear in the task log as they come. When it fails, its one-line reason is the last line of the
    log and is in the catalogue; exit codes 2 and 3 are not tried again. Nothing goes to XCom: results are files.

    :param match_id: id of the match, as `open_match` returned it.
    :param part: the chunk or the reel, for the steps that take one.
    """

    template_fields: Sequence[str] = ("match_id", "part")
    ui_color = "#d5f0dd"

    def __init__(self, *, match_id: str, part: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.match_id = match_id
        self.part = part
        self._copy: RunningCopy | None = None

    def execute(self, context: Context) -> None:
        """Hold the match's lease, run the step, note how it went."""
        with failing_plainly(self.log):
            if not is_match_id(self.match_id or ""):  # open_match was marked success by hand
                raise UsageError(f"open_match gave no match id but {self.match_id!r}: clear it")
            self._execute(context, Settings.from_env())

    def _execute(self, context: Context, settings: Settings) -> None:
        run_id = context["run_id"]
        self._hold_lease(settings, run_id, context["ti"])
        request = request_of(self.match_id, context["params"], settings)
        save_request(request, settings)
        wait_while_held(context, self.log, settings.working_dir)
        self._step_back(context, settings)
        self._wait_for_space(context, settings)
        if not request.is_provisional:
            self._start_copy(settings)
        self._tell_strays(request)
        started = time.monotonic()
        finished = self.run_step(
            context, [*filter(None, (self.match_id, self.part))],
            lambda user: match_mounts(self.task_id, request, settings, user),
            match_id=self.match_id, force=is_forced(context["params"], self.match_id))
        self._note(settings, context, finished, wall_ms=round((time.monotonic() - started) * 1000))
        self._end_copy(settings, finished)
        if self.halted_by and finished.failure:
            wait_for_release(context, self.log, self.halted_by)
        stop_for_cost(run_id, self.match_id, settings, DeploymentSettings.from_env())
        if finished.failure:
            fail_with(self.log, finished.failure)

    def _tell_strays(self, request: Request) -> None:
        """Said here, because a container sees the notes that are read and no others."""
        if Need.NOTES in step_named(self.task_id).needs:
            for line in stray_notes(Path(request.recordings[0])):
                self.log.warning("%s", line)

    def _wait_for_space(self, context: Context, settings: Settings) -> None:
        """Where the step writes to SCRATCH_DIR; the catalogue says meanwhile why it waits."""
        if Need.SCRATCH not in step_named(self.task_id).needs:
            return
        try:
            require_scratch(self.match_id, self.task_id, settings, DeploymentSettings.from_env())
        except (NoSpaceYetError, UsageError) as error:
            runs.note_stage(settings.catalogue_address, context["run_id"],
                            runs.StageTime(self.task_id, self.part, 0, done=False, failure=error.failure))
            if isinstance(error, UsageError):
                raise
            wait(context, self.log, error.failure)

    def on_kill(self) -> None:
        """As its parent; a copy that goes on beside the step ends as well."""
        super().on_kill()
        if self._copy:
            self._copy.kill()

    def _step_back(self, context: Context, settings: Settings) -> None:
        """Let the machine that has the recording take the task, where this one would read a slow NAS."""
        stepped_back = int(context.get("task_reschedule_count") or 0)
        host = better_host(self.task_id, self.match_id, settings, this_host(os.environ), stepped_back)
        if host:
            self.log.info("The NAS is slow and %s has the recording: stepping back for a moment", host)
            raise AirflowRescheduleException(datetime.now(UTC) + timedelta(seconds=STEP_BACK_SEC))

    def _start_copy(self, settings: Settings) -> None:
        """Beside `scan`, the first step that reads all of the recording, where the NAS is slow."""
        rate = slow_rate(settings, this_host(os.environ)) if self.task_id == "scan" else None
        if rate is None or has_copies(self.match_id, settings):
            return
        if not copy_fits(self.match_id, settings, DeploymentSettings.from_env()):
            self.log.info("The NAS is slow, but SCRATCH_DIR has no space for a copy within its budget: the steps read "
                          "the NAS")
            return
        self.log.info("The NAS reads %.0f MB/s, below PREFETCH_BELOW_MB_S=%d: copying the recording to SCRATCH_DIR",
                      rate, settings.prefetch_below_mb_s)
        self._copy = RunningCopy(self.match_id, settings, lambda line: self.log.info("%s", line))

    def _end_copy(self, settings: Settings, finished: Finished) -> None:
        if not self._copy:
            return
        if finished.failure:
            self._copy.kill()
        elif self._copy.wait():
            matches.update(settings.catalogue_address, self.match_id, prefetched_on=this_host(os.environ))
            self.log.info("The recording is in SCRATCH_DIR: the next steps on this host read it there")

    def _hold_lease(self, settings: Settings, run_id: str, task_instance: Any) -> None:
        holder = matches.take_lease(settings.catalogue_address, self.match_id, run_id,
                                    lambda other: run_is_active(task_instance, other))
        if holder != run_id:
            fail(self.log, f"run {holder} works on {self.match_id}: clear this task again when it has ended",
                 may_retry=True)
        runs.resume(settings.catalogue_address, run_id)

    def _note(self, settings: Settings, context: Context, finished: Finished, wall_ms: int) -> None:
        files = WorkFiles(settings.working_dir, self.match_id)
        is_done = finished.failure is None
        stats = read_stats(step_named(self.task_id).result(files, self.part)) if is_done else None
        ended = runs.StageTime(self.task_id, self.part, wall_ms, is_done, finished.failure, stats,
                               reused=is_done and finished.stdout.splitlines()[-1:] == [REUSED])
        runs.note_stage(settings.catalogue_address, context["run_id"], ended)
        if is_done or not self.halted_by:
            step_ended(ended, context["ti"].try_number, files)
