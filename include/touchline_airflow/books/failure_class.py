"""Whose fault was it that a match failed? One word for the metrics, and for who decides what is tried again."""

from __future__ import annotations

import re
from collections.abc import Iterable

from touchline.catalogue.runs import StageTime
from touchline.errors import EXIT_BAD_RECORDING, EXIT_USAGE

WAITING_FOR_SPACE = "waiting for space"
CLASSES = ("recording", "storage", "setting", "stopped", "infrastructure")
_STOPPED = ("Airflow ended ", "the run was ", "the run ended as success", "held (")
"""How `step_operator`, `tidy` and a hold begin the reason of what a person or a time limit ended."""
_STORAGE = re.compile(rf"{WAITING_FOR_SPACE}| is (full|read-only|away)\b| cannot be (read|written)\b")
"""As `touchline.storage` and `budgets` write it."""


def failure_class(reason: str, stages: Iterable[StageTime]) -> str:
    """One of CLASSES, for the reason in the catalogue and the stages of the run.

    A step that failed left its exit code: 3 is the recording, 2 a setting or what was asked for.
    """
    if reason.startswith(_STOPPED):
        return "stopped"
    failed = next((stage for stage in stages if not stage.done and stage.reason and reason.startswith(stage.reason)),
                  None)
    exit_code = (failed.stats or {}).get("exit_code") if failed else None
    if exit_code == EXIT_BAD_RECORDING:
        return "recording"
    if _STORAGE.search(reason):
        return "storage"
    return "setting" if exit_code == EXIT_USAGE else "infrastructure"
