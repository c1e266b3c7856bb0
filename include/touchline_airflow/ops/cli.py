"""How does a person hold touchline, let it go on, and see how things are? `touchline-ops`, thin over Airflow's API.

It runs anywhere from where the API can be reached, and needs neither Airflow nor the models beside it.
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from touchline.errors import UsageError
from touchline_airflow.access.login import USER, password_of
from touchline_airflow.access.rest import AirflowApi, ApiError
from touchline_airflow.ops.status import as_text, everything

DEMO = Path(__file__).resolve().parents[3] / ".demo"
STACK_URL = "http://localhost:8080"
OPS, REPORT = "ops", "report"
HELP = {
    "pause": "let steps that run come to their end, start nothing new",
    "resume": "let everything go on after a pause, a halt or a stop for cost",
    "halt": "end the steps that run as well; every match goes on from its last finished chunk later",
    "status": "show the hold, what waits, what runs, what is stuck, budgets and the cost of today",
}


class OpsError(Exception):
    """One line for a person: what is wrong and what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do one action; 0, or 1 with one line on stderr."""
    arguments = _parser().parse_args(argv)
    try:
        api = AirflowApi(arguments.url or _default_url(), arguments.user, _password(arguments))
        report = ask(api, arguments.action, _who(arguments), getattr(arguments, "why", ""), arguments.timeout)
        status = everything(api, report) if arguments.action == "status" else {}
    except ApiError as error:
        print(f"touchline-ops: {_advice(error, arguments.user)}", file=sys.stderr)
        return 1
    except (OpsError, UsageError, OSError, ValueError) as error:
        where = f"{arguments.url or _default_url()} does not answer ({getattr(error, 'reason', error)})"
        advice = "start touchline, or name where it is with --url"
        is_said = isinstance(error, OpsError | UsageError)
        print(f"touchline-ops: {error if is_said else f'{where}: {advice}'}", file=sys.stderr)
        return 1
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="touchline-ops", description="Hold touchline, let it go on, see how it is.")
    actions = parser.add_subparsers(dest="action", required=True)
    for name, text in HELP.items():
        action = actions.add_parser(name, help=text, description=text)
        action.add_argument("--url", default=os.environ.get("TOUCHLINE_URL", ""),
                            help=f"where Airflow is (TOUCHLINE_URL, else the running demo, else {STACK_URL})")
        action.add_argument("--user", default=os.environ.get("TOUCHLINE_USER", USER),
                            help="who logs in (TOUCHLINE_USER, else %(default)s)")
        action.add_argument("--password-file", type=Path, metavar="FILE",
                            default=os.environ.get("TOUCHLINE_PASSWORD_FILE") or None,
                            help="file with the password (TOUCHLINE_PASSWORD_FILE); else TOUCHLINE_PASSWORD, or asked")
        action.add_argument("--timeout", type=float, default=60, metavar="SECONDS", help="default: %(default)s")
        if name in ("pause", "halt"):
            action.add_argument("--why", default="", help="for those who find everything held")
        if name == "status":
            action.add_argument("--json", action="store_true", help="all of it as JSON")
    return parser


def _default_url() -> str:
    """The demo of this checkout while it runs, else where the stack listens."""
    try:
        status = json.loads((DEMO / "status.json").read_text())
        os.kill(int(status["supervisor"]), 0)
        return str(status["url"])
    except (OSError, ValueError, KeyError):
        return STACK_URL


def _password(arguments: argparse.Namespace) -> str:
    if arguments.password_file:
        try:
            return str(Path(arguments.password_file).read_text().strip())
        except (OSError, UnicodeDecodeError) as error:
            raise OpsError(f"--password-file {arguments.password_file} cannot be read: {error}") from None
    if password := os.environ.get("TOUCHLINE_PASSWORD"):
        return password
    if not arguments.url and _default_url() != STACK_URL:
        return password_of(DEMO)
    if not sys.stdin.isatty():
        raise OpsError("which password? Name its file with --password-file, or set TOUCHLINE_PASSWORD")
    return getpass.getpass(f"Password of {arguments.user}: ")


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


if __name__ == "__main__":
    sys.exit(main())
