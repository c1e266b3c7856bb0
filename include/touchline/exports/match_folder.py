"""How does a published match folder go from one whole state to the next, whatever happens on the way?

    .versions/reels__highlights.1f2e3d4c5b6a.mp4   every file under a name made of its digest: written first
    manifest.json                                  names them with size and sha256: its rename is the commit
    reels/highlights.mp4                           the stable name for people: renamed into place after the commit

A crash before the commit leaves the old manifest with all its versions, one after it the new manifest with all of its
own; publishing again completes the rest. Stable names are hard links of the versions, or copies where the file system
has none. A reader that holds a stable name open (SMB) keeps the old content under that name until the next publishing.
Whoever can write to the NAS may have put anything there: nothing is reached through a link (see `touchline.beneath`),
and only names that a publishing gives are ever removed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.beneath.folder import Folder, is_temporary, open_folder, temporary_name
from touchline.domain.layout import MatchFolder, work_root
from touchline.errors import StorageError, TouchlineError, UntrustedFileError
from touchline.storage import writing

VERSION_NAME = re.compile(r"[A-Za-z0-9_.-]+\.[0-9a-f]{12}\.[a-z0-9]{1,8}")
"""Of every file below `.versions/` that is ours."""
MANIFEST_BYTES = 1 << 22
_MANIFEST, _FAILURE, _VERSIONS = "manifest.json", "FAILED.txt", ".versions"
_PLACES = (".", _VERSIONS, "reels")
_HELD_OPEN = {errno.EACCES, errno.EPERM, errno.EBUSY, errno.ETXTBSY}
_SPARE_BYTES = 1 << 20
_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class NewFile:
    """A file to publish: its name in the folder ("reels/highlights.mp4") and its bytes, or the file of ours with them.

    Without content it is one that the folder holds already.
    """

    name: str
    content: bytes | Path | None
    sha256: str
    size_bytes: int

    @classmethod
    def of(cls, name: str, content: bytes) -> NewFile:
        """Take size and sha256 from the content itself."""
        return cls(name, content, hashlib.sha256(content).hexdigest(), len(content))

    @property
    def version(self) -> str:
        """Name below `.versions/`: "reels/highlights.mp4" → "reels__highlights.<digest>.mp4"."""
        flat = Path(self.name.replace("/", "__"))
        return f"{flat.stem}.{self.sha256[:12]}{flat.suffix}"

    @property
    def place(self) -> str:
        """Where the manifest says that it lies: ".versions/reels__highlights.<digest>.mp4"."""
        return f"{_VERSIONS}/{self.version}"


@dataclass(frozen=True)
class Commit:
    """What a publishing gave: sha256 of the manifest, and the stable names that still show their old content."""

    manifest_sha256: str
    held_open: tuple[str, ...]


def manifest_bytes(match_id: str, files: Sequence[NewFile]) -> bytes:
    """The manifest: equal files give equal bytes."""
    listed = {
        file.name: {"sha256": file.sha256, "size_bytes": file.size_bytes, "version": file.place}
        for file in files
    }
    content = {"match_id": match_id, "files": listed}
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def commit_files(place: MatchFolder, files: Sequence[NewFile], known_names: Collection[str] = ()) -> Commit:
    """Publish exactly these files; equal ones are left untouched. Other files of people in the folder stay.

    `known_names` are the names that another publishing may have made: those that are not among `files` are removed.

    Raises:
        StorageError: the output folder is missing, cannot be written or has too little space.
        UntrustedFileError: the match's folder, or a folder in it, is a link.
        TouchlineError: the source of a file changed while it was published.
    """
    with writing(place.root), opened_folder(place, make=True) as folder:
        return _commit(folder, place.match_id, files, known_names)


def withdraw(place: MatchFolder, known_names: Collection[str]) -> None:
    """Take back what was published: the manifest first, then all that a publishing makes; anything else stays.

    `known_names` are all names that a publishing can give. A match without a folder is none to take back.

    Raises:
        StorageError: the output folder is away or cannot be written.
        UntrustedFileError: the match's folder is a link.
    """
    with writing(place.root), suppress(FileNotFoundError):
        with opened_folder(place) as folder:
            _remove(folder, _MANIFEST)
            for leftover in _leftovers(folder):
                _remove(folder, leftover)
            _tidy(folder, (), known_names)
            for inner in _PLACES[1:]:
                with suppress(OSError, UntrustedFileError):
                    folder.rmdir(inner)
        with open_folder(place.output_dir) as output, suppress(OSError, UntrustedFileError):
            output.rmdir(place.match_id)


@contextmanager
def opened_folder(place: MatchFolder, *, make: bool = False) -> Iterator[Folder]:
    """Open a match's folder; `make` makes it where the output folder is there.

    Raises:
        StorageError: the output folder is missing: its mount may be away, so it is never made.
        FileNotFoundError: the match has no folder.
        UntrustedFileError: it is a link.
    """
    if not place.output_dir.is_dir():
        raise StorageError(place.output_dir, "is not a folder", "mount or create it")
    with open_folder(place.output_dir, place.match_id, make=make) as folder:
        yield folder


def read_manifest(folder: Folder, match_id: str) -> tuple[str, dict[str, dict[str, Any]]]:
    """Digest of the manifest, and its entries by name: every one has `sha256`, `size_bytes` and `version`.

    Raises:
        OSError: there is none.
        UntrustedFileError: it is none of ours.
    """
    content = folder.read(_MANIFEST, MANIFEST_BYTES)
    try:
        listed = json.loads(content)
        files = dict(listed["files"])
        if listed["match_id"] != match_id or not all(map(_is_entry, files.values())):
            raise ValueError(match_id)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UntrustedFileError(folder.path / _MANIFEST, "is not a manifest of ours") from None
    return hashlib.sha256(content).hexdigest(), files


def is_published(place: MatchFolder, manifest_sha256: str) -> bool:
    """Whether the folder is as this manifest says, under versioned and stable names, with nothing left over."""
    try:
        with opened_folder(place) as folder:
            digest, files = read_manifest(folder, place.match_id)
            if digest != manifest_sha256 or folder.status(_FAILURE) or _leftovers(folder):
                return False
            return all(
                folder.holds(entry["version"], entry["sha256"], entry["size_bytes"])
                and _shows(folder, name, entry["version"], entry["sha256"], entry["size_bytes"])
                for name, entry in files.items()
            )
    except (OSError, StorageError, UntrustedFileError):
        return False


def holds_version(place: MatchFolder, file: NewFile) -> bool:
    """Whether the folder holds this file, whole, under its versioned name: all of it is read."""
    with suppress(OSError, StorageError, UntrustedFileError), opened_folder(place) as folder:
        return folder.holds(file.place, file.sha256, file.size_bytes)
    return False


def _is_entry(entry: Any) -> bool:
    version = Path(entry["version"])
    return (version.parent == Path(_VERSIONS) and VERSION_NAME.fullmatch(version.name) is not None
            and isinstance(entry["sha256"], str) and isinstance(entry["size_bytes"], int))


def _commit(folder: Folder, match_id: str, files: Sequence[NewFile], known_names: Collection[str]) -> Commit:
    for place in _PLACES[1:]:
        with folder.folder(place, make=True):
            pass
    for leftover in _leftovers(folder):
        _remove(folder, leftover)
    missing = [file for file in files if not folder.holds(file.place, file.sha256, file.size_bytes)]
    _check_space(folder, missing)
    for file in missing:
        _write(folder, file.place, file)
    folder.sync(_VERSIONS)

    manifest = NewFile.of(_MANIFEST, manifest_bytes(match_id, files))
    if not folder.holds(_MANIFEST, manifest.sha256, manifest.size_bytes):
        _write(folder, _MANIFEST, manifest)
        folder.sync()

    held_open = tuple(file.name for file in files if not _give_stable_name(folder, file))
    _tidy(folder, files, set(known_names) - {file.name for file in files})
    return Commit(manifest.sha256, held_open)


def _give_stable_name(folder: Folder, file: NewFile) -> bool:
    """Let the stable name show this version; False if a reader holds the old content open."""
    if _shows(folder, file.name, file.place, file.sha256, file.size_bytes):
        return True
    temporary = temporary_name(file.name)
    try:
        try:
            folder.link(file.place, temporary)
        except OSError:
            folder.copy(file.place, temporary)
        try:
            folder.rename(temporary, file.name)
        except OSError as error:
            if error.errno in _HELD_OPEN:
                return False
            raise
    finally:
        _remove(folder, temporary)
    folder.sync(Path(file.name).parent)
    return True


def _tidy(folder: Folder, files: Sequence[NewFile], obsolete: Collection[str]) -> None:
    """Remove what the manifest does not name any more; what cannot be removed stays for the next time."""
    for name in obsolete:
        _remove(folder, name)
    wanted = {file.place for file in files}
    there: list[str] = []
    with suppress(FileNotFoundError), folder.folder(_VERSIONS) as versions:
        there = [f"{_VERSIONS}/{name}" for name in versions.names() if VERSION_NAME.fullmatch(name)]
    for version in there:
        if version not in wanted:
            _remove(folder, version)
    _remove(folder, _FAILURE)


def _remove(folder: Folder, name: str) -> None:
    with suppress(OSError, UntrustedFileError):
        folder.unlink(name)


def _leftovers(folder: Folder) -> list[str]:
    """Temporary files of a publishing that was killed."""
    found = []
    for place in _PLACES:
        with suppress(FileNotFoundError), folder.folder(place) as opened:
            found += [str(Path(place, name)) for name in opened.names() if is_temporary(name)]
    return found


def _check_space(folder: Folder, missing: Sequence[NewFile]) -> None:
    if not missing:
        return
    copies = 1 if _links_work(folder) else 2
    needed = copies * sum(file.size_bytes for file in missing) + _SPARE_BYTES
    free = shutil.disk_usage(folder.descriptor).free
    if free < needed:
        state = f"has too little space: {free // 1_000_000} MB free, {-(-needed // 1_000_000)} MB needed"
        raise StorageError(folder.path, state, "free some space")


def _links_work(folder: Folder) -> bool:
    first, second = temporary_name(f"{_VERSIONS}/link"), temporary_name(f"{_VERSIONS}/link")
    try:
        with folder.create(first):
            pass
        folder.link(first, second)
        return True
    except OSError:
        return False
    finally:
        _remove(folder, first)
        _remove(folder, second)


def _write(folder: Folder, name: str, file: NewFile) -> None:
    with writing(folder.path / name), folder.replacing(name) as target:
        if isinstance(file.content, Path):
            root = work_root(file.content)
            with open_folder(root) as source, source.open(file.content.relative_to(root)) as content:
                shutil.copyfileobj(content, target, _COPY_BYTES)
        else:
            target.write(file.content or b"")
        target.seek(0)
        if hashlib.file_digest(target, "sha256").hexdigest() != file.sha256:
            raise TouchlineError(f"the source of {file.name} changed while it was published: publish again")


def _shows(folder: Folder, name: str, version: str, sha256: str, size_bytes: int) -> bool:
    """Whether a stable name has the content of its version, known to be whole: a hard link is not read again."""
    with suppress(OSError, UntrustedFileError):
        target, source = folder.status(name), folder.status(version)
        if target and source and stat.S_ISREG(target.st_mode) and os.path.samestat(target, source):
            return True
    return folder.holds(name, sha256, size_bytes)
