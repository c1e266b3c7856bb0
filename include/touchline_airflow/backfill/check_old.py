"""How is a recording checked that the ingest never took? The first of a match's two tasks in `nightly_backfill`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from touchline.catalogue import recordings
from touchline.settings import Settings
from touchline_airflow.backfill.airflow_run import night_of_run, note_outcome
from touchline_airflow.backfill.night import over
from touchline_airflow.backfill.survey import LEFT, Told, Work
from touchline_airflow.failing import fail, failing_plainly
from touchline_airflow.ingest.check_recording import CheckRecording
from touchline_airflow.ingest.standing_still import take_look

if TYPE_CHECKING:
    from airflow.sdk import Context


class CheckOldRecording(CheckRecording):
    """As its parent, for one that has been on the mount a long time: what cannot be read to its end fails.

    :param work: the match, as `Work.plain` gives it; nothing is done where its recording was taken before.
    """

    template_fields: Sequence[str] = ("work",)

    def __init__(self, *, work: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(path="", **kwargs)
        self.work = work

    @property
    def shown_name(self) -> str:
        """The match's day and its recording's name for the list of tasks."""
        return Work.from_plain(self.work).shown_name

    def execute(self, context: Context) -> None:
        """Check it, unless the night is over."""
        work = Work.from_plain(self.work)
        if not work.is_new:
            return
        with failing_plainly(self.log):
            settings = Settings.from_env()
            if reason := over(night_of_run(context), settings):
                note_outcome(context, work.recording, Told(LEFT, Path(work.recording).name, reason))
                raise AirflowSkipException(reason)
            for path in (work.recording, *work.more):
                self._check_old(context, path, settings)

    def _check_old(self, context: Context, path: str, settings: Settings) -> None:
        look = take_look(Path(path), None)
        if look is None:
            fail(self.log, f"{path} cannot be read now", may_retry=True)
        recordings.note_looks(settings.catalogue_address, [look])
        if not self._check(context, path):
            row = recordings.find(settings.catalogue_address, path)
            fail(self.log, (row and row.reason) or f"{path} is not complete", may_retry=False)
