"""Did a match or a day cost more than its limit? Then touchline holds by itself.

Whoever lets it go on accepts the cost so far: it holds again when the limit has been spent once more.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import suppress

from touchline.catalogue import runs
from touchline.domain.layout import accepted_costs
from touchline.results.files import write_text
from touchline.settings import Settings
from touchline_airflow.books.costs import cost_of, cost_today
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.hold.hold import hold, set_hold
from touchline_airflow.local_clock import start_of_day
from touchline_airflow.mail.letter import Letter, Section
from touchline_airflow.mail.send import send_mail

OURSELVES = "touchline"
GO_ON = ("Steps that run come to their end, nothing new starts, and nothing is lost. To go on: `touchline-ops resume`, "
         "or the DAG ops in Airflow. It holds again when the limit has been spent once more; to change the "
         "limit, set {variable} and start touchline again.")

log = logging.getLogger("airflow.task")


def stop_for_cost(run_id: str, match_id: str, settings: Settings, deployment: DeploymentSettings) -> None:
    """Hold, and say so by mail, where a run or the day is over its limit and nothing holds yet."""
    if not (deployment.cost_per_match_limit or deployment.cost_per_day_limit) or hold(settings.working_dir):
        return
    accepted = _accepted(settings)
    run = cost_of(runs.stages(settings.catalogue_address, run_id), deployment).amount
    day = cost_today(settings, deployment).amount
    for key, what, spent, variable in ((run_id, f"match {match_id}", run, "COST_PER_MATCH_LIMIT"),
                                       (start_of_day().date().isoformat(), "today", day, "COST_PER_DAY_LIMIT")):
        limit = getattr(deployment, variable.lower())
        if limit and spent > limit + accepted.get(key, 0.0):
            _hold(f"{what} has cost {spent:.2f} {deployment.currency}, and {variable} is {limit:g}", variable, settings)
            return


def accept_costs(settings: Settings, deployment: DeploymentSettings) -> None:
    """Somebody lets it go on: what the day and the runs that go on have cost so far is accepted."""
    address = settings.catalogue_address
    spent = {run_id: cost_of(runs.stages(address, run_id), deployment).amount for run_id, _ in runs.open_runs(address)}
    spent[start_of_day().date().isoformat()] = cost_today(settings, deployment).amount
    write_text(accepted_costs(settings.working_dir),
               json.dumps({key: amount for key, amount in spent.items() if amount}))


def _hold(why: str, variable: str, settings: Settings) -> None:
    if not set_hold(settings.working_dir, "cost", OURSELVES, why):
        return
    log.warning("%s: touchline holds from now on", why)
    send_mail(Letter("cost", "operator", key=f"cost {variable}", subject="Stopped for cost",
                     lead=f"touchline starts nothing new: {why}.",
                     sections=(Section("What to do", (GO_ON.format(variable=variable),)),)), fold_sec=0)


def _accepted(settings: Settings) -> Mapping[str, float]:
    with suppress(OSError, ValueError):
        return dict(json.loads(accepted_costs(settings.working_dir).read_bytes()))
    return {}
