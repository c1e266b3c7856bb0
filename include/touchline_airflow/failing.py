"""How does a task fail so that its log ends with one line for a person?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from touchline.domain.text import shown
from touchline.errors import EXIT_BAD_RECORDING, EXIT_USAGE, TouchlineError
from touchline.results.folders import naming_folders
from touchline.settings import Settings

NO_RETRY_HELPS = (EXIT_USAGE, EXIT_BAD_RECORDING)


def fail(log: Any, reason: str, *, may_retry: bool) -> NoReturn:
    """Write the reason as a line of its own (Airflow folds exceptions into a traceback), then fail."""
    line = shown(reason)
    log.error("%s", line)
    raise (AirflowException if may_retry else AirflowFailException)(line)


@contextmanager
def failing_plainly(log: Any) -> Iterator[None]:
    """Have every error of ours and of the system inside the block fail the task as `fail` does.

    An error of the storage names its setting. The exit code of the error decides whether a retry may heal it.
    """
    try:
        with naming_folders(Settings.from_env()):
            yield
    except TouchlineError as error:
        fail(log, str(error), may_retry=error.exit_code not in NO_RETRY_HELPS)
    except OSError as error:
        fail(log, str(error), may_retry=True)
