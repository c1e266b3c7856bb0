"""How does a task fail so that its log ends with one line for a person?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from touchline.domain.text import shown
from touchline.errors import INFRASTRUCTURE, RECORDING, SETTING, Failure, TouchlineError
from touchline.results.folders import naming_folders
from touchline.settings import Settings

_NO_RETRY_HELPS = (SETTING, RECORDING)


class TaskFailedError(AirflowException):
    """A task fails with one line for a person; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.reason)


class TaskFailedForGoodError(TaskFailedError, AirflowFailException):
    """A task fails, and Airflow does not try it again."""


def fail(log: Any, reason: str, *, may_retry: bool, cause: str = INFRASTRUCTURE) -> NoReturn:
    """Write the reason as a line of its own (Airflow folds exceptions into a traceback), then fail."""
    failure = Failure(cause, shown(reason))
    log.error("%s", failure.reason)
    raise (TaskFailedError if may_retry else TaskFailedForGoodError)(failure)


def fail_with(log: Any, failure: Failure) -> NoReturn:
    """Fail as `fail` does; no retry heals a setting or a recording."""
    fail(log, failure.reason, may_retry=failure.cause not in _NO_RETRY_HELPS, cause=failure.cause)


@contextmanager
def failing_plainly(log: Any) -> Iterator[None]:
    """Have every error of ours and of the system inside the block fail the task as `fail` does.

    An error of the storage names its setting.
    """
    try:
        with naming_folders(Settings.from_env()):
            yield
    except TouchlineError as error:
        fail_with(log, error.failure)
    except OSError as error:
        fail(log, str(error), may_retry=True)
