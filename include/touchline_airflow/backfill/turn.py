"""How does a match of a night wait for its turn without taking a worker's slot? A trigger that looks at the books."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow.backfill.night import Night, not_now, over

POLL_SEC = 5.0


class TurnTrigger(BaseTrigger):
    """Fires when no work of the day is left, or when the night is over; the event's `over` says why, else it is None.

    The catalogue is read in a thread; one that is away means "not yet".
    """

    def __init__(self, night: dict[str, Any]) -> None:
        super().__init__()
        self.night = night

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as Airflow stores them."""
        return "touchline_airflow.backfill.turn.TurnTrigger", {"night": self.night}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until either is so."""
        while (event := await asyncio.to_thread(self._look)) is None:
            await asyncio.sleep(POLL_SEC)
        yield TriggerEvent(event)

    def _look(self) -> dict[str, Any] | None:
        settings = Settings.from_env()
        try:
            if reason := over(Night(**self.night), settings):
                return {"over": reason}
            return None if not_now(settings) else {"over": None}
        except (OSError, TouchlineError) as error:
            self.log.info("It is not known now whose turn it is: %s", error)
            return None
