"""Upgrade, and go back if the check fails: the steps of docs/how-to/upgrade.md, with the new release's code.

Whatever ends `run` early, the backup that it made first is there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from touchline.catalogue.migrate import migrate
from touchline.errors import TouchlineError, UsageError
from touchline_airflow.access.rest import AirflowApi, ApiError
from touchline_airflow.access.state_folder import DEMO
from touchline_airflow.checkout import ROOT, python_path
from touchline_airflow.commands.api import add_api_options, api_of
from touchline_airflow.commands.command import add_command, add_group
from touchline_airflow.commands.place import add_place_options, enter, stopped
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.recovery.backup import Backup, make_backup
from touchline_airflow.recovery.keep_backups import sources_of
from touchline_airflow.recovery.restore import migrate_airflow, restore
from touchline_airflow.recovery.upgrade import is_airflow_up, losses

HEALTHY_SEC = 300
GONE_SEC = 40
BUSY_SEC = 60
PARSE = """
import sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
sys.exit("; ".join(f"{path}: {error.splitlines()[-1]}" for path, error in bag.import_errors.items()) or 0)
"""


def add_commands(commands: argparse._SubParsersAction) -> None:
    """`upgrade drain`, `run`, `resume`."""
    steps = add_group(commands, "upgrade", "Upgrade, and go back if the check fails.")
    first = add_command(steps, "drain", "Airflow runs: nothing new starts, what runs may end.", _drain)
    first.add_argument("--wait", type=int, default=600, metavar="SEC",
                       help="how long running tasks may take to end (default: %(default)s)")
    second = add_command(steps, "run", "Airflow is down: back up, migrate both databases, check; or go back.", _run)
    second.add_argument("--check", metavar="COMMAND", help="a check of your own: exit code 0 is good")
    third = add_command(steps, "resume", "The new Airflow runs: once it is healthy, work goes on.", _resume)
    for parser in steps.choices.values():
        add_place_options(parser)
    for parser in (first, third):
        add_api_options(parser)


def _drain(arguments: argparse.Namespace) -> int:
    state = enter(arguments)
    drain(api_of(arguments, state or DEMO), DeploymentSettings.from_env().backup_dir, arguments.wait)
    return 0


def _run(arguments: argparse.Namespace) -> int:
    state = enter(arguments)
    with stopped(state):
        return run(DeploymentSettings.from_env().backup_dir, arguments.check)


def _resume(arguments: argparse.Namespace) -> int:
    state = enter(arguments)
    resume(api_of(arguments, state or DEMO), DeploymentSettings.from_env().backup_dir)
    return 0


# --- Drain and resume -----------------------------------------------------------------------------------------------

def drain(api: AirflowApi, place: Path, wait_sec: int) -> None:
    """Pause every DAG that is not paused, and wait for running tasks."""
    before = drained(place)
    active = {dag["dag_id"] for dag in ask(api, "GET", "/dags?limit=100")["dags"] if not dag["is_paused"]}
    interrupted = set() if before["resumed"] else set(before["dags"])
    write_drained(place, active | interrupted, resumed=False)
    for dag_id in sorted(active):
        pause(api, dag_id, is_paused=True)
    print(f"paused: {', '.join(sorted(active)) or 'nothing was active'}")
    deadline = time.monotonic() + wait_sec
    while (left := running(api)) and time.monotonic() < deadline:
        time.sleep(2)
    print("drained: no task runs; stop Airflow now" if not left else
          f"still running after {wait_sec} s: {', '.join(left[:5])}. Stop Airflow now: they are tried again later")


def pause(api: AirflowApi, dag_id: str, *, is_paused: bool) -> None:
    """Pause a DAG or let it go on; a busy Airflow (SQLite with a locked database) is asked again."""
    ask(api, "PATCH", f"/dags/{dag_id}?update_mask=is_paused", {"is_paused": is_paused})


def ask(api: AirflowApi, method: str, path: str, content: Any = None) -> Any:
    """One call, for a minute again when Airflow could not answer it."""
    deadline = time.monotonic() + BUSY_SEC
    while True:
        try:
            return api.request(method, path, content)
        except (ApiError, OSError) as error:
            refused = isinstance(error, ApiError) and error.status < 500
            if refused or time.monotonic() > deadline:
                raise
        time.sleep(2)


def running(api: AirflowApi) -> list[str]:
    """Task instances that a worker has."""
    tasks = ask(api, "GET", "/dags/~/dagRuns/~/taskInstances?state=running&state=queued&limit=100")
    return [f"{task['task_id']} of {task['dag_run_id']}" for task in tasks["task_instances"]]


def resume(api: AirflowApi, place: Path) -> None:
    """Let those DAGs go on that `drain` paused, once Airflow is healthy."""
    deadline = time.monotonic() + HEALTHY_SEC
    while not api.is_healthy():
        if time.monotonic() > deadline:
            raise TouchlineError(f"{api.url} is not healthy after {HEALTHY_SEC} s: read Airflow's logs, or go back "
                                 "(docs/how-to/upgrade.md)")
        time.sleep(1)
    dags = drained(place)["dags"]
    if not dags:
        raise UsageError(f"nothing was drained: {place} has no drained.json")
    for dag_id in dags:
        with contextlib.suppress(ApiError):  # a DAG that this release does not have
            pause(api, dag_id, is_paused=False)
    write_drained(place, dags, resumed=True)  # kept: a return to the databases of the upgrade finds them paused again
    print("healthy; work goes on")


def drained(place: Path) -> dict[str, Any]:
    """Which DAGs the last `drain` paused, and whether they go on since."""
    try:
        return dict(json.loads((place / "drained.json").read_text()))
    except FileNotFoundError:
        return {"dags": [], "resumed": True}


def write_drained(place: Path, dags: Iterable[str], *, resumed: bool) -> None:
    """Keep that for `resume`."""
    (place / "drained.json").write_text(json.dumps({"dags": sorted(dags), "resumed": resumed}) + "\n")


# --- Back up, migrate, check; or go back ----------------------------------------------------------------------------

def run(place: Path, own_check: str | None) -> int:
    """0: upgraded. 1: not, and both databases are as they were."""
    sources = sources_of(os.environ)
    started = time.monotonic()
    while is_airflow_up(sources.airflow):  # one that was just ended is still remembered for a moment
        if time.monotonic() - started > GONE_SEC:
            raise UsageError("Airflow runs, its scheduler gives signs of life: stop it first")
        time.sleep(1)
    started = time.monotonic()
    backup = make_backup(sources, place, "manual")
    said(f"backed up: {backup.root}", started)
    try:
        started = time.monotonic()
        migrate(sources.catalogue.url)
        migrate_airflow(sources.airflow, os.environ)
        said("migrated both databases", started)
        check(backup, sources, own_check)
    except (Exception, KeyboardInterrupt) as error:  # whatever it was: half an upgrade is worse than none
        print(f"touchline-ops: {(str(error) or 'interrupted').splitlines()[0]}", file=sys.stderr)
        started = time.monotonic()
        restore(backup, sources, print, items=("catalogue", "airflow"), replace=True, goes_on=False)
        said("went back: both databases are as they were. Start the old release again", started)
        return 1
    print("upgraded: start the new release, then `touchline-ops upgrade resume`")
    return 0


def check(backup: Backup, sources: Any, own_check: str | None) -> None:
    """Are the tables those of this release, do its DAGs import, is every row still there, can it read them?"""
    airflow = [sys.executable, "-m", "airflow"]
    passes("Airflow's tables", [*airflow, "db", "check-migrations", "--migration-wait-timeout", "5"], sources)
    passes("the DAGs", [sys.executable, "-c", PARSE, str(ROOT / "dags")], sources)
    started = time.monotonic()
    if lost := losses(backup, sources):
        raise TouchlineError(f"the check of the rows failed: {'; '.join(lost)}")
    said("checked: rows and queries", started)
    if own_check:
        passes("your own check", ["sh", "-c", own_check], sources)


def passes(what: str, argv: list[str], sources: Any) -> None:
    """Run one check with Airflow's database in its environment."""
    started = time.monotonic()
    environ = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": sources.airflow.url,
               "PYTHONPATH": python_path(os.environ)}
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines() or [f"exit code {done.returncode}"]
        raise TouchlineError(f"the check of {what} failed: {lines[-1].replace(sources.airflow.url, '…')}")
    said(f"checked: {what}", started)


def said(line: str, started: float) -> None:
    """Print a line with the time that it took."""
    print(f"{line} ({time.monotonic() - started:.1f} s)", flush=True)
