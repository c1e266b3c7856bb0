"""How does a backup come back into an empty place, and can this be relied upon?

Airflow must be down. What is restored: Airflow's keys, the small results, the catalogue, Airflow's database. What a
backup does not know is set right afterwards, see `catch_up`.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from touchline.beneath.folder import open_folder
from touchline.catalogue.migrate import migrate
from touchline.catalogue.schema import HEAD
from touchline.errors import TouchlineError, UntrustedFileError, UsageError
from touchline.storage import writing
from touchline_airflow.databases.connection import Database
from touchline_airflow.recovery import dumps
from touchline_airflow.recovery.airflow_tables import is_current, is_known
from touchline_airflow.recovery.backup import (
    FILES,
    PUBLISHED,
    SECRETS,
    Backup,
    Sources,
    airflow_version,
    key_digest,
    verify,
)
from touchline_airflow.recovery.catch_up import catch_up
from touchline_airflow.recovery.content import published_folder, results
from touchline_airflow.recovery.facts import read_published

ITEMS = ("secrets", "files", "catalogue", "airflow")
Say = Callable[[str], None]
Listed = Mapping[str, Mapping[str, Any]]
"""`published.json` of a backup, see `read_published`."""


def restore(backup: Backup, sources: Sources, say: Say, *, items: Collection[str] = ITEMS, replace: bool = False,
            goes_on: bool = True) -> None:
    """Restore a backup; nothing is touched before it is read back and every place is found empty.

    With `replace` what is there is renamed aside first. `goes_on` brings the tables up to this release and sets right
    what the backup does not know; without it the databases are exactly as they were (for a return to an older release).

    Raises:
        TouchlineError: one line: the backup is damaged or of a newer release, or a place is not empty.
    """
    started = time.monotonic()
    verify(backup.root)
    facts, published = backup.facts, read_published(backup.root / PUBLISHED)
    if goes_on:
        refuse_newer(facts)
    wanted = _wanted(items, backup, sources)
    _make_room(wanted, backup, sources, say, replace=replace)
    for item in wanted:
        begun = time.monotonic()
        _put_back(item, backup, sources)
        say(f"{item}: restored in {time.monotonic() - begun:.1f} s")
    if goes_on:
        _go_on(facts, published, sources, wanted, say)
    say(f"restored {backup.root.name} in {time.monotonic() - started:.1f} s; it was made {facts['made_at']}")


def refuse_newer(facts: Mapping[str, Any]) -> None:
    """Refuse a backup whose tables this release does not know.

    Raises:
        UsageError: it was made by a newer release of touchline or of Airflow.
    """
    revision = facts["databases"]["catalogue"]["revision"]
    if revision and revision > HEAD:
        raise UsageError(f"the backup's catalogue has revision {revision}, this release knows up to {HEAD}: install "
                         f"touchline {facts['touchline']} or newer")
    if not is_known(facts["databases"]["airflow"]["revision"]):
        raise UsageError(f"the backup was made with Airflow {facts['airflow']}, which is newer than the one here "
                         f"({airflow_version()}): install that one")


def differences(published: Listed, output: Path) -> list[str]:
    """What is not as a backup lists it in the published folders: missing, changed since, or of another size."""
    if not output.is_dir():
        return [f"NAS_OUTPUT_PATH ({output}) is not a folder: nothing published can be compared"]
    return [f"{name}: {what}" for name, listed in published.items() if (what := _difference(output / name, listed))]


def try_restore(backup: Backup, sources: Sources, folder: Path) -> None:
    """Restore a backup into separate places and compare rows and files with what was noted; leaves nothing.

    Raises:
        TouchlineError: it cannot be restored, or holds something other than it should.
    """
    verify(backup.root)
    facts = backup.facts
    for database in (sources.catalogue, sources.airflow):
        with dumps.trial_place(database, folder) as place:
            dumps.put_back(place, backup.root / database.dump_name)
            held, noted = dict(dumps.held_by(place).rows), facts["databases"][database.name]["rows"]
            if held != noted:
                names = [name for name in sorted({*held, *noted}) if held.get(name) != noted.get(name)]
                raise TouchlineError(f"{backup.root.name}: {database.name} holds other rows than noted: "
                                     f"{', '.join(names[:5])}")
            if database.name == "catalogue":
                migrate(place.url)
    _extract(backup.root / FILES, folder / "files")
    count = sum(1 for _ in results(folder / "files"))  # what they hold is what they held: the archive has checksums
    if count != facts["files"]:
        raise TouchlineError(f"{backup.root.name}: {count} files came back of {facts['files']}")


@contextmanager
def trial_folder(backup_dir: Path) -> Iterator[Path]:
    """A folder beside the backups, gone afterwards; the next backup removes that of a killed trial."""
    folder = backup_dir / ".trial.part"
    try:
        with writing(folder):
            folder.mkdir(mode=0o700)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def migrate_airflow(database: Database, environ: Mapping[str, str]) -> None:
    """Bring Airflow's tables to the installed version, by its own command.

    Raises:
        TouchlineError: it failed; the last lines of its output.
    """
    environ = {**environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database.url}
    done = subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=environ, capture_output=True,
                          text=True, check=False)
    if done.returncode:
        said = " | ".join((done.stdout + done.stderr).strip().splitlines()[-3:]).replace(database.url, "…")
        raise TouchlineError(f"airflow db migrate failed: {said}")


# --- The items ------------------------------------------------------------------------------------------------------

def _wanted(items: Collection[str], backup: Backup, sources: Sources) -> list[str]:
    """The items that are asked for, in their order; each is in the backup."""
    if unknown := set(items) - set(ITEMS):
        raise UsageError(f"{', '.join(sorted(unknown))} is not in a backup: use {', '.join(ITEMS)}")
    wanted = [item for item in ITEMS if item in items and (item != "secrets" or _has_secrets(backup, sources))]
    for content in (backup.root / _stored_as(item, sources) for item in wanted):
        if not content.is_file():
            raise UsageError(f"{content} is not in the backup: it was made where the databases were of another kind "
                             "(SQLite or PostgreSQL), or is not whole. Nothing was changed")
    return wanted


def _make_room(wanted: Collection[str], backup: Backup, sources: Sources, say: Say, *, replace: bool) -> None:
    occupied = [item for item in wanted if not _is_empty(item, backup, sources)]
    if occupied and not replace:
        raise UsageError(f"not empty: {', '.join(occupied)}. Nothing was changed; with --replace what is there is "
                         "renamed aside")
    label = f"before_{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for item in occupied:
        say(f"{item}: what was there is now {_move_aside(item, sources, label)}")


def _database(item: str, sources: Sources) -> Database:
    return sources.catalogue if item == "catalogue" else sources.airflow


def _stored_as(item: str, sources: Sources) -> str:
    return {"files": FILES, "secrets": SECRETS}.get(item) or _database(item, sources).dump_name


def _has_secrets(backup: Backup, sources: Sources) -> bool:
    return sources.secrets is not None and (backup.root / SECRETS).exists()


def _is_empty(item: str, backup: Backup, sources: Sources) -> bool:
    if item == "files":
        return _holds_nothing(sources.settings.working_dir / "matches")
    if item == "secrets":
        return sources.secrets is None or not sources.secrets.exists() or _same_secrets(backup, sources.secrets)
    return dumps.is_empty(_database(item, sources))


def _holds_nothing(folder: Path) -> bool:
    """Whether there are at most folders in it."""
    with suppress(FileNotFoundError), open_folder(folder) as opened:
        return all(stat.S_ISDIR(status.st_mode) for _, status in opened.walk())
    return True


def _move_aside(item: str, sources: Sources, label: str) -> str:
    if item == "files":
        return str(_move_files_aside(sources.settings.working_dir, label))
    if item == "secrets" and sources.secrets:
        return str(sources.secrets.rename(sources.secrets.with_name(f"{sources.secrets.name}.{label}")))
    return dumps.move_aside(_database(item, sources), label)


def _put_back(item: str, backup: Backup, sources: Sources) -> None:
    content = backup.root / _stored_as(item, sources)
    if item == "files":
        _put_files_back(content, sources.settings.working_dir)
    elif item == "secrets" and sources.secrets:
        if not sources.secrets.exists():
            sources.secrets.parent.mkdir(parents=True, exist_ok=True)
            _extract(content, sources.secrets.parent)
    else:
        dumps.put_back(_database(item, sources), content)


def _move_files_aside(working_dir: Path, label: str) -> Path:
    """Under a dot name in WORKING_DIR, so that no later backup takes it along; the databases are not among them."""
    aside = working_dir / f".{label}"
    with writing(aside):
        aside.mkdir()
        (working_dir / "matches").rename(aside / "matches")
    return aside


def _put_files_back(archive: Path, working_dir: Path) -> None:
    with writing(working_dir):
        working_dir.mkdir(parents=True, exist_ok=True)
        folder = working_dir / ".restore.part"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        _extract(archive, folder)
        with open_folder(working_dir) as opened:
            opened.remove_tree("matches")  # empty folders, or it would have been moved aside
        for path in sorted(folder.iterdir()):
            if not (target := working_dir / path.name).exists():  # what the hosts measured since is newer
                path.rename(target)
        shutil.rmtree(folder)


def _extract(archive: Path, folder: Path) -> None:
    """Plain files and folders below `folder`."""
    with _members_below(folder, archive) as members:
        members.extraction_filter = getattr(tarfile, "data_filter", None)
        members.extractall(folder)  # noqa: S202 - looked at


@contextmanager
def _members_below(folder: Path, archive: Path) -> Iterator[tarfile.TarFile]:
    """An archive that holds plain files and folders below `folder` only; Debian 12's Python 3.11.2 has no such filter.

    Raises:
        TouchlineError: it holds something else.
    """
    with tarfile.open(archive) as members:
        for member in members:
            inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
            if not inside or not (member.isfile() or member.isdir()):
                raise TouchlineError(f"{archive} holds {member.name!r}, which no backup makes: take another backup")
        yield members


def _same_secrets(backup: Backup, place: Path) -> bool:
    """Whether every key of the backup is there as it was; only reads."""
    with _members_below(place.parent, backup.root / SECRETS) as members:
        return all(_holds(place.parent / member.name, members.extractfile(member)) for member in members
                   if member.isfile())


def _holds(path: Path, wanted: IO[bytes] | None) -> bool:
    if wanted is None or not path.is_file():
        return False
    with path.open("rb") as found:
        while block := wanted.read(1 << 20):
            if found.read(len(block)) != block:
                return False
        return not found.read(1)


# --- After it -------------------------------------------------------------------------------------------------------

def _go_on(facts: Mapping[str, Any], published: Listed, sources: Sources, restored: Collection[str], say: Say) -> None:
    if "catalogue" in restored:
        migrate(sources.catalogue.url)
    if "airflow" in restored and not is_current(facts["databases"]["airflow"]["revision"]):
        migrate_airflow(sources.airflow, os.environ)
        say(f"airflow: its tables were brought up to {airflow_version()}")
    if facts["fernet_key"] and key_digest(os.environ) not in (None, facts["fernet_key"]):
        say("WARNING: Airflow's Fernet key is not that of the backup: its connections cannot be read. Put the old keys "
            "back (docs/how-to/recover.md), or enter the connections again")
    for line in differences(published, sources.settings.nas_output_path):
        say(f"published folder {line}")
    if not dumps.is_empty(sources.catalogue) and not dumps.is_empty(sources.airflow):
        for line in catch_up(published, sources):
            say(line)


def _difference(folder: Path, listed: Mapping[str, Any]) -> str:
    try:
        if published_folder(folder)["manifest"] != listed["manifest"]:
            return "was published again since the backup"
        with open_folder(folder.parent, folder.name) as opened:
            sizes = {name: opened.size(name) for name in listed["files"]}
    except (FileNotFoundError, NotADirectoryError):
        return "is missing"
    except UntrustedFileError as error:
        return f"{error.path} {error.what}"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    others = (f"{name} is missing" if sizes[name] is None else f"{name} has another size than when it was published"
              for name, entry in listed["files"].items() if sizes[name] != entry["size_bytes"])
    return next(others, "")

