"""Back up, restore, list, try: by hand what the DAG `backup` does by itself (docs/how-to/recover.md).

    .venv/bin/python scripts/backup.py make                   kept until you remove it
    .venv/bin/python scripts/backup.py list
    .venv/bin/python scripts/backup.py trial                  the newest one, into an empty place, dropped afterwards
    .venv/bin/python scripts/backup.py restore [BACKUP] [--only PART…] [--replace] [--as-it-was]

Which deployment: see deployment_place.py.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from deployment_place import add_options, enter, stopped
from touchline.catalogue import backups as rows
from touchline.errors import TouchlineError
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.recovery.backup import Backup, backups
from touchline_airflow.recovery.keep_backups import newest_backup, sources_of, take_backup, take_trial
from touchline_airflow.recovery.restore import ITEMS, restore


def main() -> int:
    """Do what the command says; errors are one line."""
    arguments = parse_arguments()
    try:
        state = enter(arguments)
        backup_dir = DeploymentSettings.from_env().backup_dir
        with stopped(state) if arguments.command == "restore" else contextlib.nullcontext():
            COMMANDS[arguments.command](arguments, backup_dir)
    except (TouchlineError, OSError) as error:
        print(f"backup: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 1)
    return 0


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("make", help="make a backup that no rule removes")
    commands.add_parser("list", help="which backups there are")
    commands.add_parser("trial", help="restore the newest into an empty place, compare, drop it again")
    back = commands.add_parser("restore", help="restore into an empty place; Airflow must be down")
    back.add_argument("backup", nargs="?", default="", help="its name or folder (default: the newest)")
    back.add_argument("--only", nargs="+", choices=ITEMS, default=list(ITEMS), metavar="ITEM",
                      help=f"not all of it: {', '.join(ITEMS)}")
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
    """One line per backup, the one made last first."""
    found = backups(backup_dir)
    tried = set()
    with contextlib.suppress(TouchlineError):  # the catalogue may be what is lost
        tried = {row.backup_id for row in rows.every(sources_of(os.environ).settings.catalogue_address)
                 if row.restored_at_ms}
    print(f"{len(found)} in {backup_dir}")
    for each in found:
        state = "not whole" if not each.is_whole else "restored on trial" if each.root.name in tried else "checked"
        if each.made_at > datetime.now(UTC):
            state += ", dated in the future: the clock was wrong"
        print(f"{each.root.name}  {each.size_bytes / 1_000_000:8.1f} MB  {state}")


def put_back(arguments: argparse.Namespace, backup_dir: Path) -> None:
    """Restore one."""
    named = Path(arguments.backup)
    backup = Backup(named if named.is_absolute() else backup_dir / named) if arguments.backup else \
        newest_backup(backup_dir)
    restore(backup, sources_of(os.environ), print, items=arguments.only, replace=arguments.replace,
            goes_on=not arguments.as_it_was)


COMMANDS = {"make": make, "list": show, "trial": trial, "restore": put_back}


if __name__ == "__main__":
    sys.exit(main())
