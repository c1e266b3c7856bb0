"""How does a task cut what has come of a recording that is still written? A mapped task of `ingest_recordings`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from touchline.domain.text import MOST_OF_A_NAME, shown
from touchline.errors import EXIT_DONE
from touchline.results.growing import growing_match_id
from touchline.settings import Settings
from touchline_airflow.failing import fail_with, failing_plainly
from touchline_airflow.hold.waiting import wait_for_release, wait_while_held
from touchline_airflow.ingest.growing import register_chapters
from touchline_airflow.plain_fields import PlainFields
from touchline_airflow.runtime.mounts import chapter_mounts
from touchline_airflow.runtime.step_task import StepTask

if TYPE_CHECKING:
    from airflow.sdk import Context


class CutChapter(PlainFields, StepTask):
    """Run `touchline cut-chapter -- PATH`, and write what was cut as the provisional match of the recording.

    :param path: the recording that is still written, below NAS_MOUNT_PATH.
    """

    template_fields: Sequence[str] = ("path",)
    ui_color = "#d5f0dd"

    def __init__(self, *, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = path

    @property
    def shown_name(self) -> str:
        """The recording's name for the list of tasks."""
        return shown(Path(self.path).name, MOST_OF_A_NAME)

    def execute(self, context: Context) -> None:
        """Cut one chapter, where enough has come for it."""
        with failing_plainly(self.log):
            settings, recording = Settings.from_env(), Path(self.path)
            wait_while_held(context, self.log, settings.working_dir)
            match_id = growing_match_id(recording)
            if match_id is None:
                return
            finished = self.run_step(context, [self.path],
                                     lambda user: chapter_mounts(recording, match_id, settings, user))
            if self.halted_by and finished.exit_code != EXIT_DONE:
                wait_for_release(context, self.log, self.halted_by)
            if finished.failure:
                fail_with(self.log, finished.failure)
            self.log.info("Provisional match: %s", register_chapters(recording, settings) or "nothing yet")
