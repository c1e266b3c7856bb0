"""When is there a new recording to check? The first task of `ingest_recordings`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.sensors.filesystem import FileSensor

from touchline.errors import CatalogueError, StorageError
from touchline.settings import Settings
from touchline_airflow.ingest.all_recordings import some_wait
from touchline_airflow.ingest.growing import find_growing
from touchline_airflow.ingest.standing_still import find_due
from touchline_airflow.ingest.trigger import RecordingTrigger
from touchline_airflow.lots import most_at_once

if TYPE_CHECKING:
    from airflow.sdk import Context

END_AFTER_SEC = 300
WAITING_SEC = 30
"""The same while a recording waits for others of its match: the next run sees whether it waited long enough."""
LONGEST_POKE_SEC = 5.0


class RecordingSensor(FileSensor):
    """Waits, deferred, for recordings on the mount that stand still and are not in the catalogue; returns their paths.

    Of very many it returns one lot, those first that have gone unchecked longest: the next run takes the others. It
    ends as well when enough has come of a recording that is looked at while it is written.
    Unlike its parent it knows a file that is still being copied, and it ends with an empty list after five minutes,
    so that the next run of the `@continuous` DAG starts: a trigger that hangs would stop the ingest for ever.
    `soft_fail` is refused: it would turn a crashed trigger into a green skip.
    """

    def __init__(self, *, end_after_sec: float = END_AFTER_SEC, **kwargs: Any) -> None:
        if kwargs.get("soft_fail"):
            raise ValueError("RecordingSensor takes no soft_fail: a crashed trigger must be seen")
        # What is watched is NAS_MOUNT_PATH, as for every other part of touchline; the parent's own path is not used.
        kwargs.setdefault("filepath", "")
        kwargs.setdefault("fs_conn_id", "fs_default")
        super().__init__(deferrable=True, **kwargs)
        self.end_after_sec = end_after_sec

    def execute(self, context: Context) -> list[str]:
        """Return what is due, or defer until something is."""
        settings, end_after_sec, grown = Settings.from_env(), self.end_after_sec, list[str]()
        try:
            due, grown = find_due(settings)[:most_at_once()], find_growing(settings)
            if some_wait(settings):
                end_after_sec = min(WAITING_SEC, end_after_sec)
        except (OSError, CatalogueError, StorageError) as error:
            self.log.info("Nothing can be seen now: %s", error)
            due = []
        if not due and not grown:
            self.defer(trigger=RecordingTrigger(poke_interval(settings), end_after_sec),
                       method_name="execute_complete", timeout=timedelta(seconds=end_after_sec + 60))
        return due

    def execute_complete(self, context: Context, event: Any = None) -> list[str]:
        """Return the paths that the trigger found; none means that the time was over."""
        due = [str(path) for path in (event or {}).get("due", [])][:most_at_once()]
        self.log.info("Due: %s", due or "nothing new")
        return due


def poke_interval(settings: Settings) -> float:
    """Seconds between two looks: often enough to see that a recording stood still."""
    return max(1.0, min(LONGEST_POKE_SEC, settings.watch_stable_time_sec / 2))
