"""Who works on a match? One run at a time; a lease whose run has ended is free."""

from __future__ import annotations

from typing import Any

PROCESS_MATCH = "process_match"
ACTIVE_STATES = ("queued", "running")


def run_is_active(task_instance: Any, run_id: str) -> bool:
    """Whether a run of `process_match` has not ended; a run that is no longer known counts as ended."""
    return run_state(task_instance, run_id) in ACTIVE_STATES


def run_state(task_instance: Any, run_id: str) -> str | None:
    """The state of a run of `process_match`; None when Airflow does not know the run (any more)."""
    from airflow.sdk.exceptions import AirflowRuntimeError

    try:
        state = task_instance.get_dagrun_state(PROCESS_MATCH, run_id)
    except AirflowRuntimeError as error:
        if "not_found" in str(error).lower() or "404" in str(error):
            return None
        raise
    return str(getattr(state, "value", state))  # Airflow's annotation says str, and it gives a member of an enum
