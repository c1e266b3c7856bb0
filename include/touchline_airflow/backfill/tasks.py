"""The first and the last task of `nightly_backfill`."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

from airflow.sdk import get_current_context, task

from touchline.catalogue import recordings
from touchline.domain.text import shown
from touchline.settings import Settings
from touchline_airflow.backfill.airflow_run import OUTCOME, night_of_run, wish_of
from touchline_airflow.backfill.night import over
from touchline_airflow.backfill.survey import BROKEN, LEFT, Told, survey
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.failing import fail, failing_plainly
from touchline_airflow.lots import most_at_once

SETTLED = "settled"

log = logging.getLogger("airflow.task")


@task
def choose_matches() -> list[dict[str, Any]]:
    """What is to be made, the newest match first; what to say about the others goes to the run's last task."""
    context = get_current_context()
    with failing_plainly(log):
        wish, settings = wish_of(context), Settings.from_env()
        if reason := over(night_of_run(context), settings):
            log.info("%s", reason)
            return []
        work, told = survey(wish, settings, DeploymentSettings.from_env().zone)
    most = most_at_once()
    for one in work[:most]:
        log.info("To be made: %s", one.line)
    if len(work) > most:
        log.info("%d more wait for the next night", len(work) - most)
    # Of all matches of all years only the broken ones are news; a backfill run was asked about each of its days.
    news = told if wish.days else [one for one in told if one.outcome == BROKEN]
    context["ti"].xcom_push(SETTLED, [[one.outcome, one.match, one.line] for one in news])
    return [one.plain() for one in work[:most]]


@task(trigger_rule="all_done")
def tell_outcomes(work: list[dict[str, Any]] | None) -> dict[str, int]:
    """One line for each match, done, left alone or broken with its reason; returns how many of each."""
    if work is None:
        fail(log, "choose_matches failed: the last line of its log says why", may_retry=False)
    this: Any = get_current_context()["ti"]
    told = [Told(*one) for one in this.xcom_pull(task_ids="choose_matches", key=SETTLED) or []]
    noted = {one[0]: Told(*one[1:])
             for one in filter(None, this.xcom_pull(task_ids=["check_recording", "make_match"], key=OUTCOME))}
    with failing_plainly(log):
        told += [noted.get(one["recording"]) or _not_noted(one) for one in work]
    for one in told:
        line = shown(f"{one.outcome}: {one.match}, {one.line}")
        log.log(logging.WARNING if one.outcome == BROKEN else logging.INFO, "%s", line)
    counts = Counter(one.outcome for one in told)
    log.info("%s", ", ".join(f"{count} {outcome}" for outcome, count in counts.items()) or "nothing to do")
    return dict(counts)


def _not_noted(work: dict[str, Any]) -> Told:
    """Of a match whose recording failed its check, or whose tasks somebody ended."""
    row = recordings.find(Settings.from_env().catalogue_address, work["recording"])
    name = work["match_id"] or Path(work["recording"]).name
    if row and row.reason and row.status != "registered":
        return Told(BROKEN, name, row.reason)
    return Told(LEFT, name, "its tasks were ended before it was begun")
