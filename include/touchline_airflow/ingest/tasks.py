"""The tasks of `ingest_recordings` that run no step: what grows is listed, what was checked becomes matches."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable
from typing import Any

from airflow.sdk import get_current_context, task

from touchline.catalogue import matches
from touchline.domain.run_id import ingest_run_id
from touchline.settings import Settings
from touchline_airflow.books.leases import run_state
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.failing import fail, failing_plainly
from touchline_airflow.hold.waiting import wait_while_held
from touchline_airflow.ingest import register
from touchline_airflow.ingest.foreign import tell_foreign
from touchline_airflow.ingest.growing import end_provisional_matches, find_growing
from touchline_airflow.ingest.late_recording_mail import tell_late_recording
from touchline_airflow.lots import most_at_once

log = logging.getLogger("airflow.task")


@task(trigger_rule="all_done")
def list_growing() -> list[str]:
    """Recordings that are still written and of which enough has come for another chapter."""
    with failing_plainly(log):
        return find_growing(Settings.from_env())[:most_at_once()]


@task(trigger_rule="all_done")
def register_recordings(due: list[str] | None, complete: Iterable[dict[str, Any] | None]) -> list[str]:
    """Register what is complete; returns the matches whose run has to be started, also those of earlier looks.

    Of very many the oldest; the others follow in the next run.

    Takes back provisional matches whose recording is made. Tells of recordings that wait for too long, and of videos
    that are never taken.
    """
    if due is None:
        fail(log, "wait_for_recording failed: the last line of its log says why", may_retry=False)
    settings = Settings.from_env()
    with failing_plainly(log):
        wait_while_held(get_current_context(), log, settings.working_dir)
        found = {one["path"]: one["duration_ms"] for one in complete or () if one}
        register.register_recordings(found, settings, log.info)
        end_provisional_matches(settings, log.info)
        tell_foreign(settings, log.warning)
        for row in register.late_recordings(settings, DeploymentSettings.from_env().recording_late_min):
            tell_late_recording(row)
        return _without_airflow_run(settings)


def _without_airflow_run(settings: Settings) -> list[str]:
    """Ids of registered matches that have no run in Airflow: one that waits in its queue is not started again."""
    this = get_current_context()["ti"]
    wanted = (match for match in matches.without_run(settings.catalogue_address)
              if run_state(this, ingest_run_id(match.match_id, match.attempt)) is None)
    return [match.match_id for match in itertools.islice(wanted, most_at_once())]
