"""How does a task check one recording? A mapped task of `ingest_recordings`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from touchline.domain.text import MOST_OF_A_NAME, shown
from touchline.errors import EXIT_DONE, IncompleteRecordingError
from touchline.settings import Settings
from touchline_airflow.failing import failing_plainly
from touchline_airflow.hold.waiting import wait_for_release, wait_while_held
from touchline_airflow.ingest.register import note_check
from touchline_airflow.plain_fields import PlainFields
from touchline_airflow.runtime.mounts import recording_mount
from touchline_airflow.runtime.step_task import StepTask

if TYPE_CHECKING:
    from airflow.sdk import Context


class CheckRecording(PlainFields, StepTask):
    """Run `touchline check-recording -- PATH`: reads one recording to its end.

    Returns its path and its length when it is complete and nothing while it is not; fails when it is bad.

    :param path: the recording, below NAS_MOUNT_PATH.
    """

    template_fields: Sequence[str] = ("path",)
    ui_color = "#d5f0dd"

    def __init__(self, *, path: str, **kwargs: Any) -> None:
        super().__init__(do_xcom_push=True, **kwargs)
        self.path = path

    @property
    def shown_name(self) -> str:
        """The recording's name for the list of tasks."""
        return shown(Path(self.path).name, MOST_OF_A_NAME)

    def execute(self, context: Context) -> dict[str, Any] | None:
        """Run the check and write down what came out."""
        with failing_plainly(self.log):
            return self._check(context, self.path)

    def _check(self, context: Context, path: str) -> dict[str, Any] | None:
        settings = Settings.from_env()
        wait_while_held(context, self.log, settings.working_dir)
        finished = self.run_step(context, [path], lambda _user: [recording_mount(Path(path), settings)])
        if self.halted_by and finished.exit_code != EXIT_DONE:
            wait_for_release(context, self.log, self.halted_by)
        try:
            length_ms = note_check(path, finished, settings)
        except IncompleteRecordingError as error:
            self.log.info("%s is not complete yet: %s", shown(path), error)
            return None
        return {"path": path, "duration_ms": length_ms}
