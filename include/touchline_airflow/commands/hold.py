"""How does a person hold touchline, let it go on, and see how things are? Thin over Airflow's API.

It runs anywhere from where the API can be reached, and needs neither Airflow nor the models beside it.
"""

from __future__ import annotations

import argparse
import getpass
import json
import time
from collections.abc import Mapping
from typing import Any

from touchline.errors import TouchlineError
from touchline_airflow.access.rest import AirflowApi, ApiError
from touchline_airflow.commands.api import add_api_options, api_of
from touchline_airflow.commands.command import add_command
from touchline_airflow.ops.status import as_text, everything

OPS, REPORT = "ops", "report"
HELP = {
    "pause": "Let steps that run come to their end, start nothing new.",
    "resume": "Let everything go on after a pause, a halt or a stop for cost.",
    "halt": "End the steps that run as well; every match goes on from its last finished chunk later.",
    "status": "Show the hold, what waits, what runs, what is stuck, budgets and the cost of today.",
}


class OpsError(TouchlineError):
    """One line for a person: what is wrong and what to do."""


def add_commands(commands: argparse._SubParsersAction) -> None:
    """`pause`, `resume`, `halt`, `status`."""
    for name, text in HELP.items():
        parser = add_command(commands, name, text, run)
        add_api_options(parser)
        parser.add_argument("--timeout", type=float, default=60, metavar="SECONDS", help="default: %(default)s")
        if name in ("pause", "halt"):
            parser.add_argument("--why", default="", help="for those who find everything held")
        if name == "status":
            parser.add_argument("--json", action="store_true", help="all of it as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Do one of them.

    Raises:
        OpsError: it could not be done.
        TouchlineError: there is no password.
    """
    api, action = api_of(arguments), arguments.command
    try:
        report = ask(api, action, _who(arguments), getattr(arguments, "why", ""), arguments.timeout)
        status = everything(api, report) if action == "status" else {}
    except ApiError as error:
        raise OpsError(_advice(error, arguments.user)) from None
    except (OSError, ValueError) as error:
        raise OpsError(f"{api.url} does not answer ({getattr(error, 'reason', error)}): start touchline, or name where "
                       "it is with --url") from None
    if status:
        print(json.dumps(status, indent=2) if arguments.json else as_text(status))
    else:
        print(report["done"])
    return 0


def ask(api: AirflowApi, action: str, who: str, why: str, timeout_sec: float) -> dict[str, Any]:
    """Have the DAG `ops` do it and return its report.

    Raises:
        OpsError: it could not, or took longer than that.
        ApiError, OSError: Airflow refused us, or is not there.
    """
    run_id = api.trigger(OPS, {"action": action, "who": who, "why": why})["dag_run_id"]
    deadline = time.monotonic() + timeout_sec
    while (state := api.run(OPS, run_id)["state"]) not in ("success", "failed"):
        if time.monotonic() > deadline:
            raise OpsError(f"{action} was not done in {timeout_sec:.0f} s, and is done when Airflow can: "
                           f"{_ill_components(api) or 'look at the scheduler and the triggerer'}")
        time.sleep(0.5)
    report = _report(api, run_id)
    if state == "failed":
        raise OpsError(report.get("error") or f"{action} failed: read the log of run {run_id} of the DAG ops")
    return report


def _report(api: AirflowApi, run_id: str) -> dict[str, Any]:
    path = f"/dags/{OPS}/dagRuns/{run_id}/taskInstances/{OPS}/xcomEntries/{REPORT}?deserialize=false"
    try:
        value = api.request("GET", path)["value"]
    except ApiError:
        return {}
    return dict(json.loads(value) if isinstance(value, str) else value)


def _ill_components(api: AirflowApi) -> str:
    health: Mapping[str, Any] = api.request("GET", "/monitor/health")
    ill = [name.replace("_", "-") for name, state in health.items() if state["status"] not in ("healthy", None)]
    return f"{', '.join(ill)} of Airflow does not work" if ill else ""


def _who(arguments: argparse.Namespace) -> str:
    """Who sits here, and as whom Airflow knows them."""
    try:
        return f"{getpass.getuser()} ({arguments.user})"
    except (KeyError, OSError):
        return str(arguments.user)


def _advice(error: ApiError, user: str) -> str:
    if error.status == 401:
        return f"Airflow does not know {user!r} with this password: see --user and --password-file"
    if error.status == 403:
        return f"the user {user!r} may not do that: log in as one who may trigger the DAG ops (--user)"
    if error.status == 404:
        return f"there is no DAG {OPS} yet: has Airflow read its DAGs? ({error})"
    return " ".join(str(error).split())[:300]
