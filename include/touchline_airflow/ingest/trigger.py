"""How do we wait for a recording without taking a worker's slot? A trigger that looks at the mount."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from touchline.errors import CatalogueError, StorageError
from touchline.settings import Settings
from touchline_airflow.ingest.growing import find_growing
from touchline_airflow.ingest.standing_still import find_due
from touchline_airflow.lots import most_at_once


class RecordingTrigger(BaseTrigger):
    """Fires with the paths that are due for a check, or with none after `end_after_sec` or when a recording has grown.

    Files and catalogue are read in a thread, never on the event loop that all triggers share. A mount that is away
    (`OSError`) or a catalogue that is away means "not yet"; any other error ends the trigger and fails its task.
    """

    def __init__(self, poke_interval: float, end_after_sec: float) -> None:
        super().__init__()
        self.poke_interval = poke_interval
        self.end_after_sec = end_after_sec

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as Airflow stores them."""
        return ("touchline_airflow.ingest.trigger.RecordingTrigger",
                {"poke_interval": self.poke_interval, "end_after_sec": self.end_after_sec})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until something is due or the time is over."""
        deadline = time.monotonic() + self.end_after_sec
        while True:
            due, has_grown = await asyncio.to_thread(self._look)
            if due or has_grown or time.monotonic() >= deadline:
                yield TriggerEvent({"due": due})
                return
            await asyncio.sleep(self.poke_interval)

    def _look(self) -> tuple[list[str], bool]:
        settings = Settings.from_env()
        try:
            return find_due(settings)[:most_at_once()], bool(find_growing(settings))
        except (OSError, CatalogueError, StorageError) as error:
            self.log.info("Nothing can be seen now: %s", error)
            return [], False
