"""The one task of the DAG `ops`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.triggers.base import StartTriggerArgs

from touchline_airflow.failing import fail

if TYPE_CHECKING:
    from airflow.sdk import Context


class Ops(BaseOperator):
    """Pause, resume, halt or look; runs in the triggerer only and takes no worker's slot.

    :param action: one of `actions.ACTIONS`.
    :param who: who wants it.
    :param why: what for, in a few words.
    """

    template_fields: Sequence[str] = ("action", "who", "why")
    start_from_trigger: ClassVar[bool] = True

    def __init__(self, *, action: str, who: str, why: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.action, self.who, self.why = action, who, why
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls="touchline_airflow.ops.trigger.OpsTrigger", next_method="execute",
            trigger_kwargs={"action": action, "who": who, "why": why})

    def execute(self, context: Context) -> None:
        """Never reached while the trigger ends the task."""
        fail(self.log, "ops runs in the triggerer, which did not take it: see whether that is up", may_retry=False)
