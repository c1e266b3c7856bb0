"""How does a task fail so that its log ends with one line for a person?"""

from __future__ import annotations

from typing import Any, NoReturn

from airflow.sdk.exceptions import AirflowException, AirflowFailException


def fail(log: Any, reason: str, *, may_retry: bool) -> NoReturn:
    """Write the reason as a line of its own (Airflow folds exceptions into a traceback), then fail."""
    line = " ".join(reason.split())
    log.error("%s", line)
    raise (AirflowException if may_retry else AirflowFailException)(line)
