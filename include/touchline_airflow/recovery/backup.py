"""How is a backup made so that it is whole or not there, and which ones are kept?

    BACKUP_DIR/hourly-20261122T210000Z/
        catalogue.dump airflow.dump   both databases (`.sqlite` where they are SQLite)
        files.tar.gz                  the small results of WORKING_DIR: all its JSON files
        published.json                every match folder with its manifest's digest and its files' digests and sizes
        secrets.tar                   what BACKUP_SECRETS names, if it names anything
        backup.json                   when, its number, by which versions, what the databases held
        SHA256SUMS                    of all the others, as `sha256sum -c` reads it

The catalogue comes first, then Airflow, then the files: what a row names is there when the files are read. A match that
goes on meanwhile has results that are newer than its rows, which is what a killed run leaves, too. Left out are the
rendered videos and thumbnails (large, and made again from the results), what is published (it has its own disk; its
digests are in the backup), SCRATCH_DIR, and logs.

A backup's number says which one is newer, never its date: each one gets the number after the highest that is there. So
a clock that ran ahead or behind makes no old backup "the newest", and no new one superfluous.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO

from touchline import __version__
from touchline.alone import alone
from touchline.errors import StorageError, TouchlineError
from touchline.results.files import file_digest
from touchline.settings import Settings
from touchline.storage import reading, writing
from touchline_airflow.databases.address import configured
from touchline_airflow.databases.connection import Database
from touchline_airflow.recovery import dumps
from touchline_airflow.recovery.content import opened_results, opened_secrets, published_folders
from touchline_airflow.recovery.facts import is_count, read_facts, read_sums

KEPT = {"hourly": 24, "daily": 7, "weekly": 4}
"""How many of each kind stay; one that was made by hand (`manual`) stays until a person removes it."""
FILES, PUBLISHED, SECRETS, FACTS, SUMS = "files.tar.gz", "published.json", "secrets.tar", "backup.json", "SHA256SUMS"
_ORDER = ("hourly", "daily", "weekly", "manual")
_NAME = re.compile(rf"({'|'.join(_ORDER)})-(\d{{8}}T\d{{6}}Z)")
_MOMENT = "%Y%m%dT%H%M%SZ"
_LOOKED_BACK = {"daily": 24, "weekly": 7 * 24}
"""The one of a day or week is looked for among this many made last: an older one of that date is a wrong clock's."""


@dataclass(frozen=True)
class Sources:
    """What is backed up. `secrets` may be a file or a folder, or nothing."""

    settings: Settings
    airflow: Database
    secrets: Path | None = None

    @property
    def catalogue(self) -> Database:
        """Our own tables."""
        return Database("catalogue", self.settings.catalogue_address)


@dataclass(frozen=True)
class Backup:
    """One folder in BACKUP_DIR."""

    root: Path

    @property
    def kind(self) -> str:  # noqa: D102
        return self.root.name.partition("-")[0]

    @property
    def made_at(self) -> datetime:  # noqa: D102
        return datetime.strptime(self.root.name.partition("-")[2], _MOMENT).replace(tzinfo=UTC)

    @cached_property
    def number(self) -> int:
        """Its place in the order of making; 0 for one from before there were numbers, or with damaged facts."""
        try:
            number = self.facts.get("number", 0)
        except (TouchlineError, OSError):
            return 0
        return number if is_count(number) else 0

    @property
    def is_whole(self) -> bool:
        """Whether every file that it names is there; not whether the content is right, see `verify`."""
        try:
            return all((self.root / name).is_file() for name in read_sums(self.root / SUMS))
        except (OSError, ValueError):
            return False

    @property
    def size_bytes(self) -> int:  # noqa: D102
        return sum(path.stat().st_size for path in self.root.iterdir())

    @property
    def facts(self) -> dict[str, Any]:
        """`backup.json`.

        Raises:
            TouchlineError: it is damaged.
        """
        return read_facts(self.root / FACTS)


def backups(backup_dir: Path) -> list[Backup]:
    """All backups of a folder, the one made last first; of those made at once the one with the longest life first.

    Only reads, and needs no lock: one that is being made or removed has another name.

    Raises:
        StorageError: the folder is not there, or cannot be read.
    """
    _require_folder(backup_dir)
    with reading(backup_dir):
        found = [path for path in backup_dir.iterdir() if path.is_dir() and not path.is_symlink()]
    return _last_made_first(Backup(path) for path in found if _is_name(path.name))


def _last_made_first(existing: Iterable[Backup]) -> list[Backup]:
    """By number; those without one by their date, which is all that there is of them."""
    return sorted(existing, key=lambda each: (each.number, each.made_at, _ORDER.index(each.kind)), reverse=True)


def _is_name(name: str) -> bool:
    try:
        return bool((found := _NAME.fullmatch(name)) and datetime.strptime(found[2], _MOMENT))
    except ValueError:
        return False


def make_backup(sources: Sources, backup_dir: Path, kind: str = "hourly", now: datetime | None = None) -> Backup:
    """Make one backup, check it by reading it back, and only then give it its name.

    Raises:
        StorageError: BACKUP_DIR is away or full.
        TouchlineError: one line: a database is away or refuses, or what was written cannot be read back.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    with one_at_a_time(backup_dir):
        existing = backups(backup_dir)
        while any(each.made_at == moment.replace(microsecond=0) for each in existing):
            moment += timedelta(seconds=1)
        number = 1 + max((each.number for each in existing), default=0)
        target = backup_dir / f"{kind}-{moment.strftime(_MOMENT)}"
        with _taking_shape(target) as folder:
            _fill(folder, sources, kind, moment, number)
        return Backup(target)


def promote(backup: Backup, existing: Sequence[Backup]) -> list[Backup]:
    """Let the first backup of a day be the daily one and the first of a week the weekly one, too; as hard links."""
    made = []
    for kind, looked_back in _LOOKED_BACK.items():
        periods = {_period(kind, each.made_at) for each in existing
                   if each.kind == kind and each.is_whole and each.number > backup.number - looked_back}
        if _period(kind, backup.made_at) not in periods:
            target = backup.root.with_name(f"{kind}-{backup.made_at.strftime(_MOMENT)}")
            with _taking_shape(target) as folder:
                for path in backup.root.iterdir():
                    _link(path, folder / path.name)
            made.append(Backup(target))
    return made


def superfluous(existing: Sequence[Backup]) -> list[Backup]:
    """Which are too many: of each kind the whole ones made last stay (`KEPT`), and of all the one made last."""
    newest_first = _last_made_first(existing)
    newest = next((each for each in newest_first if each.is_whole), None)
    removed = []
    for kind, kept in KEPT.items():
        whole = 0
        for each in (each for each in newest_first if each.kind == kind):
            if whole >= kept and each is not newest:
                removed.append(each)
            whole += each.is_whole
    return removed


def remove(backup: Backup) -> None:
    """Remove a backup; one that is half removed does not look like one."""
    going = backup.root.with_name(f".{backup.root.name}.part")
    backup.root.rename(going)
    shutil.rmtree(going)


def verify(root: Path) -> None:
    """Read a backup back: digests, dumps by their own programs, archives to their end.

    Raises:
        TouchlineError: it is not whole: which file, and how.
    """
    try:
        sums = read_sums(root / SUMS)
    except (OSError, ValueError):
        raise TouchlineError(f"{root} is not a whole backup: its {SUMS} is missing or damaged") from None
    for name, wanted in sums.items():
        path = root / name
        if not path.is_file():
            raise TouchlineError(f"{path} is missing: take another backup")
        _forget_cached(path)
        if file_digest(path) != wanted:
            raise TouchlineError(f"{path} is damaged, its sha256 is not that of {SUMS}: take another backup")
    for name in sums:
        if name.endswith((".dump", ".sqlite")):
            dumps.check(root / name)
        elif name in (FILES, SECRETS):
            _read_archive(root / name)


@contextmanager
def one_at_a_time(backup_dir: Path) -> Iterator[None]:
    """One backup or trial at a time in this folder; what a killed one left is removed.

    Raises:
        StorageError: the folder is not there: it is never made, or a disk that is away would be written past.
        TouchlineError: another one is being made.
    """
    _require_folder(backup_dir)
    with writing(backup_dir), ExitStack() as stack:
        try:
            stack.enter_context(alone(backup_dir / ".lock", wait=False))
        except BlockingIOError:
            raise TouchlineError(f"another backup or trial is under way in {backup_dir}: wait for it") from None
        for leftover in backup_dir.glob(".*.part"):
            shutil.rmtree(leftover)
        yield


def _require_folder(backup_dir: Path) -> None:
    if not backup_dir.is_dir():
        raise StorageError(backup_dir, "is not a folder", "mount or create it", place=f"BACKUP_DIR ({backup_dir})")


def key_digest(environ: Mapping[str, str]) -> str | None:
    """Tells one Fernet key from another without giving it away; None where it is not in the environment."""
    key = configured("AIRFLOW__CORE__FERNET_KEY", environ)
    return hashlib.sha256(key.encode()).hexdigest()[:16] if key else None


# --- What goes in ---------------------------------------------------------------------------------------------------

def _fill(folder: Path, sources: Sources, kind: str, moment: datetime, number: int) -> None:
    databases = {database.name: asdict(dumps.dump(database, folder / database.dump_name))
                 for database in (sources.catalogue, sources.airflow)}
    files = _archive(folder / FILES, opened_results(sources.settings.working_dir))
    published, away = published_folders(sources.settings.nas_output_path)
    _write(folder / PUBLISHED, json.dumps(published, indent=1, sort_keys=True))
    if sources.secrets:
        _archive(folder / SECRETS, opened_secrets(sources.secrets))
    _write(folder / FACTS, json.dumps({
        "kind": kind, "number": number, "made_at": moment.isoformat(timespec="seconds"), "touchline": __version__,
        "airflow": airflow_version(), "databases": databases, "files": files, "published": len(published),
        "fernet_key": key_digest(os.environ), "warning": away}, indent=1, sort_keys=True))
    names = sorted(path.name for path in folder.iterdir())
    _write(folder / SUMS, "".join(f"{file_digest(folder / name)}  {name}\n" for name in names))


def airflow_version() -> str | None:
    """The version that is installed beside us."""
    try:
        return version("apache-airflow-core")
    except PackageNotFoundError:
        return None


def _archive(target: Path, contents: Iterable[tuple[str, BinaryIO]]) -> int:
    """A tar of these files under these names. Returns how many."""
    count = 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    # Packed quickly: the machine has other work.
    packing: dict[str, Any] = {"mode": "w:gz", "compresslevel": 1} if target.suffix == ".gz" else {"mode": "w"}
    with os.fdopen(descriptor, "wb") as handle, tarfile.open(fileobj=handle, **packing) as archive:
        for name, content in contents:
            archive.addfile(archive.gettarinfo(arcname=name, fileobj=content), content)
            count += 1
    return count


# --- How it is written ----------------------------------------------------------------------------------------------

@contextmanager
def _taking_shape(target: Path) -> Iterator[Path]:
    """A folder that gets its name when all is there, on the disk, and was read back; else it goes."""
    folder = target.with_name(f".{target.name}.part")
    try:
        with writing(target):
            folder.mkdir(mode=0o700)
            yield folder
            for path in (*folder.iterdir(), folder):
                _sync(path)
            verify(folder)
            folder.rename(target)
            _sync(target.parent)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _period(kind: str, moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d" if kind == "daily" else "%G-W%V")


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


def _write(path: Path, content: str) -> None:
    path.write_text(content if content.endswith("\n") else content + "\n")


def _read_archive(path: Path) -> None:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if (content := archive.extractfile(member)) is not None:
                    while content.read(1 << 20):
                        pass
    except (tarfile.TarError, OSError, EOFError) as error:
        raise TouchlineError(f"{path} is damaged: {error}") from None


def _forget_cached(path: Path) -> None:
    """Have the next read come from the disk rather than from memory, where that is possible."""
    with path.open("rb") as handle:
        os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
