"""Whether a run still works is what Airflow says, in whatever form it says it."""

from __future__ import annotations

from enum import Enum
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from touchline_airflow.books.leases import run_is_active, run_state


class State(str, Enum):  # noqa: UP042 - a StrEnum is what it is not
    """As the execution API's own: its str() is "State.RUNNING"."""

    RUNNING = "running"
    FAILED = "failed"


class TaskInstance:
    """Answers what it was given."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get_dagrun_state(self, _dag_id: str, _run_id: str) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(("answer", "state", "is_active"), [
    (State.RUNNING, "running", True), (State.FAILED, "failed", False), ("queued", "queued", True),
    ("success", "success", False),
    (AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 404})), None, False)])
def test_a_run_is_active_while_airflow_says_so(answer: Any, state: str | None, is_active: bool) -> None:
    assert run_state(TaskInstance(answer), "run-1") == state
    assert run_is_active(TaskInstance(answer), "run-1") is is_active


def test_an_airflow_that_does_not_answer_is_no_answer() -> None:
    error = AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 500}))
    with pytest.raises(AirflowRuntimeError):
        run_state(TaskInstance(error), "run-1")
