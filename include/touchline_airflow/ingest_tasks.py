"""The tasks of `ingest_recordings` behind its sensor."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from airflow.sdk import task

from touchline.errors import BadRecordingError, IncompleteRecordingError, TouchlineError
from touchline.settings import Settings
from touchline_airflow import ingest
from touchline_airflow.failing import fail

log = logging.getLogger("airflow.task")


@task(map_index_template="recording-{{ path_name }}")
def check_recording(path: str) -> str | None:
    """Read one recording to its end; returns its path when it is complete, nothing while it is not, fails when bad."""
    from airflow.sdk import get_current_context

    get_current_context()["path_name"] = path.rpartition("/")[2]  # type: ignore[typeddict-unknown-key]
    try:
        ingest.check_recording(path, Settings.from_env(), log.info)
    except IncompleteRecordingError as error:
        log.info("%s is not complete yet: %s", path, error)
        return None
    except BadRecordingError as error:
        fail(log, str(error), may_retry=False)
    except TouchlineError as error:
        fail(log, str(error), may_retry=True)
    return path


@task(trigger_rule="all_done")
def register_recordings(due: list[str] | None, complete: Iterable[str | None]) -> list[dict[str, Any]]:
    """Register what is complete; returns the runs that have to be started, also those that an earlier run missed."""
    if due is None:
        fail(log, "wait_for_recording failed: the last line of its log says why", may_retry=False)
    settings = Settings.from_env()
    ingest.register_recordings([path for path in complete or () if path], settings, log.info)
    return ingest.pending_runs(settings)
