"""How does a task run a step? In the runtime that the deployment chose, and so that nothing outlives the task."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.docker.operators.docker import DockerOperator

from touchline.errors import EXIT_DONE, EXIT_FAILED, TouchlineError
from touchline.results.folders import naming_folders
from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.hold.hold import Hold
from touchline_airflow.metrics.table import STUCK
from touchline_airflow.runtime.choice import chosen_runtime, step_argv, step_environment, touchline_path
from touchline_airflow.runtime.container import StepContainer
from touchline_airflow.runtime.container_spec import Place, container_spec
from touchline_airflow.runtime.process import Finished, StepProcess, end_with_parent
from touchline_airflow.runtime.watcher import Watcher

if TYPE_CHECKING:
    from airflow.sdk import Context

    from touchline_airflow.runtime.mounts import Shown

Mounts = Callable[[str], "list[Shown]"]
"""From the container's user ("uid:gid") to what its step sees of the host."""


class StepTask(DockerOperator):
    """A DockerOperator for one `touchline` command, which may also run it as a process.

    What it adds to its parent: a container without capabilities, network or writable root; one name for all tries of
    a task; the step's exit code; the end of the container with its task. The parent's way of running is not used.

    :param image: another image than TOUCHLINE_WORKER_IMAGE.
    """

    def __init__(self, *, image: str = "", **kwargs: Any) -> None:
        kwargs.setdefault("do_xcom_push", False)
        super().__init__(image=image, auto_remove="force", mount_tmp_dir=False, network_mode="none", **kwargs)
        self._running: StepProcess | StepContainer | None = None
        self._told_to_end = False
        self._watcher: Watcher | None = None

    def run_step(self, context: Context, arguments: Sequence[str], mounts: Mounts, *, match_id: str = "",
                 force: bool = False) -> Finished:
        """Run the step that the task is named after; its lines go to the task's log as they come.

        A halt ends it, and so does long silence. Never raises for what went wrong with engine, mounts or settings:
        that is how the step finished.
        """
        end_with_parent()
        silent_sec = DeploymentSettings.from_env().step_silent_sec
        with Watcher(Settings.from_env().working_dir, silent_sec, self._end_step) as self._watcher:
            finished = self._run_to_end(context, arguments, mounts, match_id, force)
        return finished if finished.exit_code == EXIT_DONE else self._as_told(finished, silent_sec)

    @property
    def halted_by(self) -> Hold | None:
        """The halt that ended the step, or would have if it had not been done."""
        return self._watcher.halt if self._watcher else None

    def on_kill(self) -> None:
        """Cleared, marked or timed out: nothing of the step may go on."""
        self._told_to_end = True
        self._end_step()

    def _end_step(self) -> None:
        if self._running:
            self._running.kill()

    def _run_to_end(self, context: Context, arguments: Sequence[str], mounts: Mounts, match_id: str,
                    force: bool) -> Finished:
        try:
            with naming_folders(Settings.from_env()):
                self._running = self._start(context, arguments, mounts, match_id, force)
            if self._told_to_end or (self._watcher and self._watcher.must_end):
                self._running.kill()
            return self._running.follow(self._say)
        except TouchlineError as error:
            return Finished(error.exit_code, "", str(error))
        except OSError as error:
            return Finished(EXIT_FAILED, "", str(error))

    def _say(self, line: str) -> None:
        if self._watcher:
            self._watcher.heard()
        self.log.info("%s", line)

    def _as_told(self, finished: Finished, silent_sec: int) -> Finished:
        """The last line of a step that was told to end says nothing about why."""
        if self._told_to_end:
            why = (f"Airflow ended {self.task_id} before it was done: marked or cleared by hand, over its time limit, "
                   "or its supervisor died")
        elif self.halted_by:
            why = self.halted_by.line
        elif self._watcher and self._watcher.was_silent:
            STUCK.add(what="silent")
            why = f"{self.task_id} said nothing for STEP_SILENT_SEC={silent_sec} and was ended: look at GPU and NAS"
        else:
            return finished
        return Finished(EXIT_FAILED, finished.stdout, why, is_stopped=self._told_to_end or self.halted_by is not None)

    def _start(self, context: Context, arguments: Sequence[str], mounts: Mounts, match_id: str,
               force: bool) -> StepProcess | StepContainer:
        argv = step_argv(self.task_id, *arguments, force=force)
        if chosen_runtime(os.environ) == "process":
            argv = [touchline_path(), *argv]
            self.log.info("Running %s", argv)
            return StepProcess(argv, step_environment())
        deployment = DeploymentSettings.from_env()
        spec = container_spec(self._place(context, match_id), self.image or deployment.touchline_worker_image, argv,
                              mounts(deployment.user))
        self.log.info("Running %s in %s, container %s", argv, spec.image, spec.name)
        return StepContainer(spec)

    def _place(self, context: Context, match_id: str) -> Place:
        this: Any = context["ti"]
        return Place(this.dag_id, this.run_id, this.task_id, this.map_index, this.try_number, match_id)
