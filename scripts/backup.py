"""Back up, restore, list, try: by hand what the DAG `backup` does by itself (docs/how-to/recover.md).

    .venv/bin/python scripts/backup.py make                   kept until you remove it
    .venv/bin/python scripts/backup.py list
    .venv/bin/python scripts/backup.py trial                  the newest one, into an empty place, dropped afterwards
    .venv/bin/python scripts/backup.py restore [BACKUP] [--only PART…] [--replace] [--as-it-was]

Which deployment: that of `--state` (the embedded Airflow; `.demo` where the environment names no database), else that
of the environment: TOUCHLINE_METADATA_URL, CATALOGUE_URL, WORKING_DIR, NAS_OUTPUT_PATH, BACKUP_DIR, BACKUP_SECRETS.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "include"), str(ROOT / "scripts")]

from touchline.catalogue import backups as rows  # noqa: E402
from touchline.errors import TouchlineError, UsageError  # noqa: E402
from touchline_airflow.backup import Backup, alone, backups  # noqa: E402
from touchline_airflow.databases import metadata_url  # noqa: E402
from touchline_airflow.deployment import DeploymentSettings  # noqa: E402
from touchline_airflow.keep_backups import newest_backup, sources_of, take_backup, take_trial  # noqa: E402
from touchline_airflow.restore import PARTS, restore  # noqa: E402


def main() -> int:
    """Do what the command says; errors are one line."""
    arguments = parse_arguments()
    try:
        state = state_of(arguments)
        if state:
            os.environ.update(embedded_environment(state, arguments.nas, arguments.output))
        backup_dir = DeploymentSettings.from_env().backup_dir
        if state and backup_dir == state / "backups":
            backup_dir.mkdir(parents=True, exist_ok=True)
        with stopped(state) if arguments.command == "restore" else contextlib.nullcontext():
            COMMANDS[arguments.command](arguments, backup_dir)
    except TouchlineError as error:
        print(f"backup: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"backup: {error}", file=sys.stderr)
        return 1
    return 0


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, metavar="DIR", help="state folder of an embedded Airflow")
    parser.add_argument("--nas", type=Path, metavar="DIR", help="its watched folder (default: STATE/nas)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="its match folders (default: NAS/output)")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("make", help="make a backup that no rule removes")
    commands.add_parser("list", help="which backups there are")
    commands.add_parser("trial", help="restore the newest into an empty place, compare, drop it again")
    back = commands.add_parser("restore", help="restore into an empty place; Airflow must be down")
    back.add_argument("backup", nargs="?", default="", help="its name or folder (default: the newest)")
    back.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART",
                      help=f"not all of it: {', '.join(PARTS)}")
    back.add_argument("--replace", action="store_true", help="rename aside what is there")
    back.add_argument("--as-it-was", action="store_true", help="databases exactly as they were, for an older release")
    return parser.parse_args()


# --- The commands ---------------------------------------------------------------------------------------------------

def make(_: argparse.Namespace, backup_dir: Path) -> None:
    """Make one."""
    take_backup(sources_of(os.environ), backup_dir, print, kind="manual")


def trial(_: argparse.Namespace, backup_dir: Path) -> None:
    """Try the newest one."""
    take_trial(sources_of(os.environ), backup_dir, print)


def show(_: argparse.Namespace, backup_dir: Path) -> None:
    """One line per backup."""
    with alone(backup_dir):
        found = backups(backup_dir)
    tried = set()
    with contextlib.suppress(TouchlineError):  # the catalogue may be what is lost
        tried = {row.backup_id for row in rows.every(sources_of(os.environ).settings.catalogue_address)
                 if row.restored_at_ms}
    print(f"{len(found)} in {backup_dir}")
    for each in found:
        state = "not whole" if not each.is_whole else "restored on trial" if each.root.name in tried else "checked"
        print(f"{each.root.name}  {each.size_bytes / 1_000_000:8.1f} MB  {state}")


def put_back(arguments: argparse.Namespace, backup_dir: Path) -> None:
    """Restore one."""
    named = Path(arguments.backup)
    backup = Backup(named if named.is_absolute() else backup_dir / named) if arguments.backup else \
        newest_backup(backup_dir)
    restore(backup, sources_of(os.environ), print, parts=arguments.only, replace=arguments.replace,
            goes_on=not arguments.as_it_was)


COMMANDS = {"make": make, "list": show, "trial": trial, "restore": put_back}


# --- The embedded Airflow -------------------------------------------------------------------------------------------

def state_of(arguments: argparse.Namespace) -> Path | None:
    """The state folder, unless the environment names a database."""
    if arguments.state:
        return Path(arguments.state).resolve()
    try:
        metadata_url(os.environ)
    except UsageError:
        return ROOT / ".demo"
    return None


def embedded_environment(state: Path, nas: Path | None, output: Path | None) -> dict[str, str]:
    """Where its parts are. No key is made here: a restore brings them."""
    from airflow_environment import folders, metadata_address

    nas = (nas or state / "nas").resolve()
    keys = state / "keys.json"
    fernet = {"AIRFLOW__CORE__FERNET_KEY": json.loads(keys.read_text())["fernet"]} if keys.exists() else {}
    return {**folders(state), **{name: os.environ[name] for name in folders(state) if os.environ.get(name)}, **fernet,
            "NAS_MOUNT_PATH": str(nas), "NAS_OUTPUT_PATH": str((output or nas / "output").resolve()),
            "TOUCHLINE_METADATA_URL": metadata_address(state, os.environ), "AIRFLOW_HOME": str(state / "airflow")}


@contextlib.contextmanager
def stopped(state: Path | None) -> Iterator[None]:
    """Hold the lock of an embedded Airflow, so that it neither runs nor starts meanwhile."""
    if state is None:
        yield
        return
    state.mkdir(parents=True, exist_ok=True)
    with (state / "supervisor.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"Airflow runs with {state}: end it first") from None
        yield
        (state / "airflow" / "database.stamp").unlink(missing_ok=True)  # its next start looks at the tables again


if __name__ == "__main__":
    sys.exit(main())
