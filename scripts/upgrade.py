"""Upgrade, and go back if the check fails: the four steps of docs/how-to/upgrade.md, with the new release's code.

    .venv/bin/python scripts/upgrade.py drain     Airflow runs: nothing new starts, what runs may end
    .venv/bin/python scripts/upgrade.py run       Airflow is down: back up, migrate both databases, check; or go back
    .venv/bin/python scripts/upgrade.py resume    the new Airflow runs: healthy? then work goes on

Which deployment: see deployment_place.py. Whatever ends `run` early, the backup that it made first is there.
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

from deployment_place import ROOT, add_options, enter, stopped
from touchline.catalogue.migrate import migrate
from touchline.errors import TouchlineError, UsageError
from touchline_airflow.access.login import USER, password_of
from touchline_airflow.access.rest import AirflowApi, ApiError
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


def main() -> int:
    """Do one step; errors are one line."""
    arguments = parse_arguments()
    try:
        state = enter(arguments)
        place = DeploymentSettings.from_env().backup_dir
        if arguments.command == "run":
            with stopped(state):
                return run(place, arguments.check)
        api = api_of(arguments, state)
        if arguments.command == "drain":
            drain(api, place, arguments.wait)
        else:
            resume(api, place)
    except (TouchlineError, ApiError, OSError) as error:
        print(f"upgrade: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 1)
    return 0


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--api", metavar="URL", help="Airflow's address (default: that of the embedded one)")
    parser.add_argument("--user", default=USER, help="who may pause DAGs (default: %(default)s)")
    parser.add_argument("--password-file", type=Path, metavar="FILE",
                        help="file with the password (default: that of the embedded one)")
    commands = parser.add_subparsers(dest="command", required=True)
    first = commands.add_parser("drain", help="let nothing new start")
    first.add_argument("--wait", type=int, default=600, metavar="SEC",
                       help="how long running tasks may take to end (default: %(default)s)")
    second = commands.add_parser("run", help="back up, migrate, check; or go back")
    second.add_argument("--check", metavar="COMMAND", help="a check of your own: exit code 0 is good")
    commands.add_parser("resume", help="let work go on")
    return parser.parse_args()


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


def api_of(arguments: argparse.Namespace, state: Path | None) -> AirflowApi:
    """A client of the running Airflow."""
    url = arguments.api
    if not url and state:
        with contextlib.suppress(OSError, ValueError, KeyError):
            url = json.loads((state / "status.json").read_text())["url"]
    if not url:
        raise UsageError("Airflow's address is not known: is it up? Name it with --api")
    if arguments.password_file:
        return AirflowApi(url, arguments.user, arguments.password_file.read_text().strip())
    if not state:
        raise UsageError("which password? Name its file with --password-file")
    return AirflowApi(url, arguments.user, password_of(state))


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
        print(f"upgrade: {(str(error) or 'interrupted').splitlines()[0]}", file=sys.stderr)
        started = time.monotonic()
        restore(backup, sources, print, items=("catalogue", "airflow"), replace=True, goes_on=False)
        said("went back: both databases are as they were. Start the old release again", started)
        return 1
    print("upgraded: start the new release, then `upgrade.py resume`")
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
               "PYTHONPATH": os.pathsep.join([str(ROOT / "include"), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines() or [f"exit code {done.returncode}"]
        raise TouchlineError(f"the check of {what} failed: {lines[-1].replace(sources.airflow.url, '…')}")
    said(f"checked: {what}", started)


def said(line: str, started: float) -> None:
    """Print a line with the time that it took."""
    print(f"{line} ({time.monotonic() - started:.1f} s)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
