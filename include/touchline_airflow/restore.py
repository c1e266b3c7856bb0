"""How does a backup come back into an empty place, and can this be relied upon? No airflow in here.

Airflow must be down. What is restored: Airflow's keys, the small results, the catalogue, Airflow's database. What a
backup does not know is set right afterwards, see `settle`.
"""

from __future__ import annotations

import filecmp
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from touchline.catalogue.migrate import migrate
from touchline.catalogue.schema import HEAD
from touchline.errors import TouchlineError, UsageError
from touchline.storage import writing
from touchline_airflow import dumps
from touchline_airflow.airflow_tables import is_current, is_known
from touchline_airflow.backup import (
    FILES,
    PUBLISHED,
    SECRETS,
    Backup,
    Sources,
    airflow_version,
    key_digest,
    published_folder,
    results,
    verify,
)
from touchline_airflow.dumps import Database
from touchline_airflow.settle import settle

PARTS = ("secrets", "files", "catalogue", "airflow")
Say = Callable[[str], None]


def restore(backup: Backup, sources: Sources, say: Say, *, parts: Collection[str] = PARTS, replace: bool = False,
            goes_on: bool = True) -> None:
    """Restore a backup; nothing is touched before it was read back and every place was found empty.

    With `replace` what is there is renamed aside first. `goes_on` brings the tables up to this release and sets right
    what the backup does not know; without it the databases are exactly as they were (for a return to an older release).

    Raises:
        TouchlineError: one line: the backup is damaged or of a newer release, or a place is not empty.
    """
    if unknown := set(parts) - set(PARTS):
        raise UsageError(f"{', '.join(sorted(unknown))} is no part of a backup: use {', '.join(PARTS)}")
    started = time.monotonic()
    verify(backup.root)
    if goes_on:
        refuse_newer(backup.facts)
    wanted = [part for part in PARTS if part in parts and (part != "secrets" or _has_secrets(backup, sources))]
    label = f"before_{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    if occupied := [part for part in wanted if not _is_empty(part, backup, sources)]:
        if not replace:
            raise UsageError(f"not empty: {', '.join(occupied)}. Nothing was changed; with --replace what is there is "
                             "renamed aside")
        for part in occupied:
            say(f"{part}: what was there is now {_move_aside(part, sources, label)}")
    for part in wanted:
        begun = time.monotonic()
        _put_back(part, backup, sources)
        say(f"{part}: restored in {time.monotonic() - begun:.1f} s")
    if goes_on:
        _go_on(backup, sources, wanted, say)
    say(f"restored {backup.root.name} in {time.monotonic() - started:.1f} s; it was made {backup.facts['made_at']}")


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


def differences(backup: Backup, output: Path) -> list[str]:
    """What is not as the backup lists it in the published folders: missing, changed since, or of another size."""
    wanted = json.loads((backup.root / PUBLISHED).read_text())
    if not output.is_dir():
        return [f"NAS_OUTPUT_PATH ({output}) is no folder: nothing published can be compared"]
    return [f"{name}: {what}" for name, listed in wanted.items() if (what := _difference(output / name, listed))]


def try_restore(backup: Backup, sources: Sources, folder: Path) -> None:
    """Restore a backup into places of its own and compare rows and files with what was noted; leaves nothing.

    Raises:
        TouchlineError: it cannot be restored, or holds something else than it should.
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
    count = sum(1 for path in results(folder / "files") if json.loads(path.read_bytes()) is not None)
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


# --- The parts ------------------------------------------------------------------------------------------------------

def _database(part: str, sources: Sources) -> Database:
    return sources.catalogue if part == "catalogue" else sources.airflow


def _has_secrets(backup: Backup, sources: Sources) -> bool:
    return sources.secrets is not None and (backup.root / SECRETS).exists()


def _is_empty(part: str, backup: Backup, sources: Sources) -> bool:
    if part == "files":
        return not any(path.is_file() for path in (sources.settings.working_dir / "matches").rglob("*"))
    if part == "secrets":
        return sources.secrets is None or not sources.secrets.exists() or _same_secrets(backup, sources.secrets)
    return dumps.is_empty(_database(part, sources))


def _move_aside(part: str, sources: Sources, label: str) -> str:
    if part == "files":
        return str(_move_files_aside(sources.settings.working_dir, label))
    if part == "secrets" and sources.secrets:
        return str(sources.secrets.rename(sources.secrets.with_name(f"{sources.secrets.name}.{label}")))
    return dumps.move_aside(_database(part, sources), label)


def _put_back(part: str, backup: Backup, sources: Sources) -> None:
    if part == "files":
        _put_files_back(backup.root / FILES, sources.settings.working_dir)
    elif part == "secrets" and sources.secrets:
        if not sources.secrets.exists():
            sources.secrets.parent.mkdir(parents=True, exist_ok=True)
            _extract(backup.root / SECRETS, sources.secrets.parent)
    else:
        database = _database(part, sources)
        dumps.put_back(database, backup.root / database.dump_name)


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
        if (working_dir / "matches").is_dir():
            shutil.rmtree(working_dir / "matches")  # empty folders, or it would have been moved aside
        for path in sorted(folder.iterdir()):
            if not (target := working_dir / path.name).exists():  # what the hosts measured since is newer
                path.rename(target)
        shutil.rmtree(folder)


def _extract(archive: Path, folder: Path) -> None:
    """Plain files and folders below `folder`; Debian 12's Python 3.11.2 has no filter that would see to that."""
    with tarfile.open(archive) as members:
        for member in members:
            inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
            if not inside or not (member.isfile() or member.isdir()):
                raise TouchlineError(f"{archive} holds {member.name!r}, which no backup makes: take another backup")
        members.extraction_filter = getattr(tarfile, "data_filter", None)
        members.extractall(folder)  # noqa: S202 - looked at above


def _same_secrets(backup: Backup, place: Path) -> bool:
    folder = backup.root.parent / f".{place.name}.compare.part"
    folder.mkdir(mode=0o700)
    try:
        _extract(backup.root / SECRETS, folder)
        there = folder / place.name
        names = [str(path.relative_to(there)) for path in there.rglob("*") if path.is_file()] if there.is_dir() else []
        if there.is_file():
            return place.is_file() and filecmp.cmp(there, place, shallow=False)
        same, _, _ = filecmp.cmpfiles(there, place, names, shallow=False)
        return sorted(same) == sorted(names)
    finally:
        shutil.rmtree(folder)


# --- After it -------------------------------------------------------------------------------------------------------

def _go_on(backup: Backup, sources: Sources, restored: Collection[str], say: Say) -> None:
    facts = backup.facts
    if "catalogue" in restored:
        migrate(sources.catalogue.url)
    if "airflow" in restored and not is_current(facts["databases"]["airflow"]["revision"]):
        migrate_airflow(sources.airflow, os.environ)
        say(f"airflow: its tables were brought up to {airflow_version()}")
    if facts["fernet_key"] and key_digest(os.environ) not in (None, facts["fernet_key"]):
        say("WARNING: Airflow's Fernet key is not that of the backup: its connections cannot be read. Put the old keys "
            "back (docs/how-to/recover.md), or enter the connections anew")
    for line in differences(backup, sources.settings.nas_output_path):
        say(f"published folder {line}")
    if not dumps.is_empty(sources.catalogue) and not dumps.is_empty(sources.airflow):
        for line in settle(json.loads((backup.root / PUBLISHED).read_text()), sources):
            say(line)


def _difference(folder: Path, listed: Mapping[str, Any]) -> str:
    if not (folder / "manifest.json").is_file():
        return "is missing"
    if published_folder(folder)["manifest"] != listed["manifest"]:
        return "was published anew since the backup"
    for name, entry in listed["files"].items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != entry["size_bytes"]:
            return f"{name} has another size than when it was published"
    return ""

