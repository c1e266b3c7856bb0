"""Which metrics do we send about a run of `process_match` that was closed?"""

from __future__ import annotations

from collections import Counter

from touchline.catalogue import actions, matches, reels, runs
from touchline.errors import Failure
from touchline.settings import Settings
from touchline_airflow.books.costs import cost_of
from touchline_airflow.books.expected import usual_seconds
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.metrics.metric import harmless
from touchline_airflow.metrics.table import (
    EVENTS,
    JOB_DURATION,
    JOBS,
    JOBS_FAILED,
    MATCH_COST,
    MATCH_DURATION,
    MATCH_SPEED,
    MATCH_TOOK,
)


@harmless
def run_refused(match_id: str | None, failure: Failure, settings: Settings) -> None:
    """Count a run that `open_match` refused; one of a match that is still registered `tidy` closes and counts."""
    match = matches.find(settings.catalogue_address, match_id) if match_id else None
    if match is None or match.status != "registered":
        JOBS.add(outcome="failed")
        JOBS_FAILED.add(reason=failure.cause)


@harmless
def run_ended(match_id: str, run_id: str, failure: Failure | None, settings: Settings, *, is_news: bool) -> None:
    """Send its outcome, what it took and what it found, as the catalogue has it.

    `is_news`: this failure or this result was not counted before. What is not news only has a cost.
    """
    outcome = "failed" if failure else "published"
    if is_news:
        JOBS.add(outcome=outcome)
    address = settings.catalogue_address
    stages = runs.stages(address, run_id)
    MATCH_COST.set(round(cost_of(stages, DeploymentSettings.from_env()).amount, 4))
    if not is_news:
        return
    seconds = runs.worked_ms(address, run_id) / 1000
    if seconds:
        MATCH_DURATION.observe(seconds, outcome=outcome)
    if failure:
        JOBS_FAILED.add(reason=failure.cause)
    else:
        _tell_result(match_id, run_id, seconds, settings)


def _tell_result(match_id: str, run_id: str, seconds: float, settings: Settings) -> None:
    address = settings.catalogue_address
    for label, count in Counter(action["label"] for action in actions.of_match(address, match_id)).items():
        EVENTS.add(count, label=label)
    match = matches.find(address, match_id)
    if not seconds:
        return
    for reel in reels.of_match(address, match_id):
        JOB_DURATION.observe(seconds, reel_kind=reel["name"])
    if match and match.duration_ms:
        MATCH_SPEED.set(round(match.duration_ms / 1000 / seconds, 3))
        if usual := usual_seconds(match.duration_ms, settings, but=run_id):
            MATCH_TOOK.set(round(seconds / usual, 3))
