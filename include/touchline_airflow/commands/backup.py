"""Back up, restore, list, try: by hand what the DAG `backup` does by itself (docs/how-to/recover.md)."""

from __future__ import annotations

import argparse
import contextlib
import os
from datetime import UTC, datetime

from touchline.catalogue import backups as rows
from touchline.errors import TouchlineError
from touchline_airflow.commands.command import add_command, add_group
from touchline_airflow.commands.place import add_place_options, enter, stopped
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.recovery.backup import Backup, backups
from touchline_airflow.recovery.keep_backups import newest_backup, sources_of, take_backup, take_trial
from touchline_airflow.recovery.restore import ITEMS, restore


def add_commands(commands: argparse._SubParsersAction) -> None:
    """`backup make`, `list`, `trial`, `restore`."""
    actions = add_group(commands, "backup", "Back up, list, try, restore.")
    add_command(actions, "make", "Make a backup that stays until you remove it.", make)
    add_command(actions, "list", "Show which backups there are.", show)
    add_command(actions, "trial", "Restore the newest into an empty place, compare, drop it again.", trial)
    back = add_command(actions, "restore", "Restore into an empty place; Airflow must be down.", put_back)
    for parser in actions.choices.values():
        add_place_options(parser)
    back.add_argument("backup", nargs="?", default="", metavar="BACKUP",
                      help="its name or folder (default: the newest)")
    back.add_argument("--only", nargs="+", choices=ITEMS, default=list(ITEMS), metavar="ITEM",
                      help=f"not all of it: {', '.join(ITEMS)}")
    back.add_argument("--replace", action="store_true", help="rename aside what is there")
    back.add_argument("--as-it-was", action="store_true", help="databases exactly as they were, for an older release")


# --- The commands ---------------------------------------------------------------------------------------------------

def make(arguments: argparse.Namespace) -> int:
    """Make one."""
    enter(arguments)
    take_backup(sources_of(os.environ), DeploymentSettings.from_env().backup_dir, print, kind="manual")
    return 0


def trial(arguments: argparse.Namespace) -> int:
    """Try the newest one."""
    enter(arguments)
    take_trial(sources_of(os.environ), DeploymentSettings.from_env().backup_dir, print)
    return 0


def show(arguments: argparse.Namespace) -> int:
    """One line per backup, the one made last first."""
    enter(arguments)
    backup_dir = DeploymentSettings.from_env().backup_dir
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
    return 0


def put_back(arguments: argparse.Namespace) -> int:
    """Restore one."""
    state = enter(arguments)
    backup_dir = DeploymentSettings.from_env().backup_dir
    with stopped(state):
        # A whole path names a backup anywhere, a name one in BACKUP_DIR.
        backup = Backup(backup_dir / arguments.backup) if arguments.backup else newest_backup(backup_dir)
        restore(backup, sources_of(os.environ), print, items=arguments.only, replace=arguments.replace,
                goes_on=not arguments.as_it_was)
    return 0
