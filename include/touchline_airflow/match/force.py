"""Should a step compute again although a whole result is there? A run's param or a Variable says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VARIABLE = "touchline_force"


def is_forced(params: Mapping[str, Any], match_id: str) -> bool:
    """Whether the run was started with `force`, or the Variable names this match.

    The Variable serves the clear of a single task in the UI: set it to the match id, clear the task, empty it again.
    """
    from airflow.sdk import Variable

    if params.get("force") is True:
        return True
    named = str(Variable.get(VARIABLE, default="") or "")
    return match_id in [name.strip() for name in named.split(",")]
