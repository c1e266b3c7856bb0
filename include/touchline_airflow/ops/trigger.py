"""How is touchline held when all workers are busy, or gone? In the triggerer, where the DAG `ops` always runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TaskFailedEvent, TaskSuccessEvent, TriggerEvent

from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.ops.actions import act

REPORT = "report"


class OpsTrigger(BaseTrigger):
    """Does one action, in a thread, and ends its task; the report, or the one-line error, goes to XCom."""

    def __init__(self, action: str, who: str, why: str) -> None:
        super().__init__()
        self.action = action
        self.who = who
        self.why = why

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, as Airflow stores them."""
        return ("touchline_airflow.ops.trigger.OpsTrigger",
                {"action": self.action, "who": self.who, "why": self.why})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """One event, which ends the task."""
        try:
            report = await asyncio.to_thread(self._act)
        except (TouchlineError, OSError) as error:
            self.log.error("%s", error)
            yield TaskFailedEvent(xcoms={REPORT: {"error": " ".join(str(error).split())}})
        else:
            self.log.info("%s", report)
            yield TaskSuccessEvent(xcoms={REPORT: report})

    def _act(self) -> dict[str, Any]:
        return act(self.action, self.who, self.why, Settings.from_env(), DeploymentSettings.from_env())
