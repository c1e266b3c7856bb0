"""What happens every hour, and once a week, so that there is a backup that can be relied upon?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from touchline.catalogue import backups as rows
from touchline.catalogue.connection import now_ms
from touchline.catalogue.migrate import migrate
from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow.databases.address import metadata_url
from touchline_airflow.databases.connection import Database
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.recovery import backup as files
from touchline_airflow.recovery import dumps
from touchline_airflow.recovery.backup import Backup, Sources
from touchline_airflow.recovery.restore import trial_folder, try_restore

TRIAL_EVERY = timedelta(days=7)
_FAILURES_KEPT = timedelta(days=30)
Say = Callable[[str], None]


def sources_of(environ: Mapping[str, str]) -> Sources:
    """What is backed up here."""
    secrets = DeploymentSettings.from_env(environ).backup_secrets
    return Sources(Settings.from_env(environ), Database("airflow", metadata_url(environ)),
                   Path(secrets) if secrets else None)


def take_backup(sources: Sources, backup_dir: Path, say: Say, kind: str = "hourly") -> Backup:
    """Make a backup, promote and write it down, remove what is superfluous; old ones stay when it fails.

    Raises:
        TouchlineError: no backup was made; the reason is in the catalogue too.
    """
    address = sources.settings.catalogue_address
    started, moment = time.monotonic(), datetime.now(UTC)
    if dumps.is_empty(sources.catalogue):  # only then: a backup is also what comes before an upgrade
        migrate(address)
    try:
        made = files.make_backup(sources, backup_dir, kind, moment)
    except TouchlineError as error:
        rows.note(address, rows.Backup(f"failed-{moment:%Y%m%dT%H%M%SZ}", kind, now_ms(), 0, "failed",
                                       reason=str(error)))
        raise
    existing = files.backups(backup_dir)
    _tell_wrong_clock(made, existing, say)
    promoted = files.promote(made, existing) if kind == "hourly" else []
    for each in (made, *promoted):
        rows.note(address, rows.Backup(each.root.name, each.kind, int(each.made_at.timestamp() * 1000),
                                       each.size_bytes, "ok", checked_at_ms=now_ms(), reason=each.facts["warning"]))
    names = ", ".join(each.root.name for each in (made, *promoted))
    say(f"{names}: {made.size_bytes / 1_000_000:.1f} MB in {time.monotonic() - started:.1f} s, checked")
    for each in files.superfluous(files.backups(backup_dir)):
        files.remove(each)
        say(f"{each.root.name}: removed, there are enough newer ones")
    _forget_removed(address, backup_dir)
    return made


def trial_is_due(sources: Sources, now: datetime | None = None) -> bool:
    """Whether no trial restore succeeded within a week; one that is dated in the future does not count."""
    now = now or datetime.now(UTC)
    until, since = (moment.timestamp() * 1000 for moment in (now, now - TRIAL_EVERY))
    return not any(since < (each.restored_at_ms or 0) <= until
                   for each in rows.every(sources.settings.catalogue_address))


def take_trial(sources: Sources, backup_dir: Path, say: Say) -> Backup:
    """Restore the newest backup into an empty place and write down what came of it.

    Raises:
        TouchlineError: there is none, or it cannot be restored; the reason is in the catalogue too.
    """
    address = sources.settings.catalogue_address
    newest = newest_backup(backup_dir)
    started = time.monotonic()
    try:
        with files.one_at_a_time(backup_dir), trial_folder(backup_dir) as folder:
            try_restore(newest, sources, folder)
    except TouchlineError as error:
        rows.update(address, newest.root.name, reason=f"trial restore: {error}")
        raise
    rows.update(address, newest.root.name, restored_at_ms=now_ms(), reason=newest.facts["warning"])
    say(f"{newest.root.name}: restored into an empty place in {time.monotonic() - started:.1f} s, all rows and files "
        "are there")
    return newest


def newest_backup(backup_dir: Path) -> Backup:
    """The one made last that is whole; only reads.

    Raises:
        TouchlineError: there is none.
    """
    found = next((each for each in files.backups(backup_dir) if each.is_whole), None)
    if found is None:
        raise TouchlineError(f"there is no backup in {backup_dir}: make one with `make backup`")
    return found


def _tell_wrong_clock(made: Backup, existing: Sequence[Backup], say: Say) -> None:
    before = next((each for each in existing if each.number < made.number), None)
    if before and before.made_at > made.made_at:
        say(f"WARNING: {made.root.name} bears an earlier date than {before.root.name}, which was made before it: the "
            "clock is wrong, or was then. Nothing is lost by that: backups are kept in the order in which they were "
            "made")


def _forget_removed(address: str, backup_dir: Path) -> None:
    """Rows of backups whose folder is gone, and of failures that are long past or far in the future."""
    there = {each.root.name for each in files.backups(backup_dir)}
    kept_ms = _FAILURES_KEPT.total_seconds() * 1000
    for row in rows.every(address):
        if row.backup_id not in there and (row.status != "failed" or abs(now_ms() - row.made_at_ms) > kept_ms):
            rows.forget(address, row.backup_id)
