"""How does a published match folder go from one whole state to the next, whatever happens on the way?

    .versions/reels__highlights.1f2e3d4c5b6a.mp4   every file under a name made of its digest: written first
    manifest.json                                  names them with size and sha256: its rename is the commit
    reels/highlights.mp4                           the stable name for people: renamed into place after the commit

A crash before the commit leaves the old manifest with all its versions, one after it the new manifest with all of its
own; publishing again completes the rest. Stable names are hard links of the versions, or copies where the file system
has none. A reader that holds a stable name open (SMB) keeps the old content under that name until the next publishing.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from touchline.domain.layout import MatchFolder
from touchline.errors import StorageError, TouchlineError
from touchline.storage import writing

_SAFE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)?")
_HELD_OPEN = {errno.EACCES, errno.EPERM, errno.EBUSY, errno.ETXTBSY}
_SPARE_BYTES = 1 << 20
_COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class NewFile:
    """A file to publish: its name in the folder ("reels/highlights.mp4") and its bytes, or the file they are in."""

    name: str
    content: bytes | Path
    sha256: str
    size_bytes: int

    @classmethod
    def of(cls, name: str, content: bytes | Path) -> NewFile:
        """Take size and sha256 from the content itself."""
        if isinstance(content, bytes):
            return cls(name, content, hashlib.sha256(content).hexdigest(), len(content))
        return cls(name, content, _digest(content), content.stat().st_size)

    @property
    def version(self) -> str:
        """Name below `.versions/`: "reels/highlights.mp4" → "reels__highlights.<digest>.mp4"."""
        flat = Path(self.name.replace("/", "__"))
        return f"{flat.stem}.{self.sha256[:12]}{flat.suffix}"


@dataclass(frozen=True)
class Commit:
    """What a publishing gave: sha256 of the manifest, and the stable names that still show their old content."""

    manifest_sha256: str
    held_open: tuple[str, ...]


def manifest_bytes(match_id: str, files: Sequence[NewFile]) -> bytes:
    """The manifest: equal files give equal bytes."""
    listed = {
        file.name: {"sha256": file.sha256, "size_bytes": file.size_bytes, "version": f".versions/{file.version}"}
        for file in files
    }
    content = {"match_id": match_id, "files": listed}
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()


def commit_files(folder: MatchFolder, files: Sequence[NewFile], known_names: Collection[str] = ()) -> Commit:
    """Publish exactly these files; equal ones are left untouched. Other files of people in the folder stay.

    `known_names` are the names that another publishing may have made: those that are not among `files` are removed.

    Raises:
        StorageError: the output folder is missing, cannot be written or has too little space.
        TouchlineError: the source of a file changed while it was published.
    """
    if not folder.output_dir.is_dir():
        raise StorageError(folder.output_dir, "is no folder", "mount or create it")
    with writing(folder.root):
        return _commit(folder, files, known_names)


def is_published(folder: MatchFolder, manifest_sha256: str) -> bool:
    """Whether the folder stands as this manifest says, under versioned and stable names, with nothing left over."""
    try:
        content = folder.manifest.read_bytes()
        if hashlib.sha256(content).hexdigest() != manifest_sha256 or folder.failure.exists() or _leftovers(folder):
            return False
        return all(
            _holds(folder.root / entry["version"], entry["sha256"], entry["size_bytes"])
            and _shows(folder.root / name, folder.root / entry["version"], entry["sha256"], entry["size_bytes"])
            for name, entry in json.loads(content)["files"].items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _commit(folder: MatchFolder, files: Sequence[NewFile], known_names: Collection[str]) -> Commit:
    folder.versions.mkdir(parents=True, exist_ok=True)
    for leftover in _leftovers(folder):
        _remove(leftover)
    obsolete = {*known_names, *_names_in(folder.manifest)} - {file.name for file in files}
    missing = [file for file in files if not _holds(folder.versions / file.version, file.sha256, file.size_bytes)]
    _check_space(folder, missing)
    for file in missing:
        _write(folder.versions / file.version, file)
    _sync_folder(folder.versions)

    manifest = NewFile.of("manifest.json", manifest_bytes(folder.match_id, files))
    if not _holds(folder.manifest, manifest.sha256, manifest.size_bytes):
        _write(folder.manifest, manifest)
        _sync_folder(folder.root)

    held_open = tuple(file.name for file in files if not _give_stable_name(folder, file))
    _tidy(folder, files, obsolete)
    return Commit(manifest.sha256, held_open)


def _give_stable_name(folder: MatchFolder, file: NewFile) -> bool:
    """Let the stable name show this version; False if a reader holds the old content open."""
    target, version = folder.root / file.name, folder.versions / file.version
    if _shows(target, version, file.sha256, file.size_bytes):
        return True
    target.parent.mkdir(exist_ok=True)
    with _temporary(target) as temporary, writing(target):
        try:
            temporary.hardlink_to(version)
        except OSError:
            _copy(version, temporary)
        try:
            temporary.replace(target)
        except OSError as error:
            if error.errno in _HELD_OPEN:
                return False
            raise
    _sync_folder(target.parent)
    return True


def _tidy(folder: MatchFolder, files: Sequence[NewFile], obsolete: Collection[str]) -> None:
    """Remove what the manifest does not name any more; what cannot be removed stays for the next time."""
    for name in obsolete:
        _remove(folder.root / name)
    wanted = {file.version for file in files}
    for version in folder.versions.iterdir():
        if version.name not in wanted:
            _remove(version)
    _remove(folder.failure)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _names_in(manifest: Path) -> set[str]:
    """The names in an earlier manifest, without any that could lead out of the folder; empty if it is damaged."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        names: Mapping[str, object] = json.loads(manifest.read_bytes())["files"]
        return {name for name in names if _SAFE_NAME.fullmatch(name)}
    return set()


def _leftovers(folder: MatchFolder) -> list[Path]:
    """Temporary files of a publishing that was killed."""
    places = (folder.root, folder.versions, folder.root / "reels")
    return [path for place in places for path in place.glob(".*.part")]


def _check_space(folder: MatchFolder, missing: Sequence[NewFile]) -> None:
    if not missing:
        return
    copies = 1 if _links_work(folder) else 2
    needed = copies * sum(file.size_bytes for file in missing) + _SPARE_BYTES
    free = shutil.disk_usage(folder.versions).free
    if free < needed:
        state = f"has too little space: {free // 1_000_000} MB free, {-(-needed // 1_000_000)} MB needed"
        raise StorageError(folder.root, state, "free some space")


def _links_work(folder: MatchFolder) -> bool:
    with _temporary(folder.versions / "link") as first, _temporary(folder.versions / "link") as second:
        first.touch()
        try:
            second.hardlink_to(first)
        except OSError:
            return False
    return True


def _write(target: Path, file: NewFile) -> None:
    with _temporary(target) as temporary, writing(target):
        if isinstance(file.content, Path):
            _copy(file.content, temporary)
        else:
            _write_bytes(temporary, file.content)
        if _digest(temporary) != file.sha256:
            raise TouchlineError(f"the source of {file.name} changed while it was published: publish again")
        temporary.replace(target)


def _write_bytes(target: Path, content: bytes) -> None:
    with target.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer, _COPY_BYTES)
        writer.flush()
        os.fsync(writer.fileno())


@contextmanager
def _temporary(target: Path) -> Iterator[Path]:
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        yield temporary
    finally:
        with suppress(OSError):  # the error that led here says more; the next publishing removes it
            temporary.unlink(missing_ok=True)


def _holds(path: Path, sha256: str, size_bytes: int) -> bool:
    try:
        return path.stat().st_size == size_bytes and _digest(path) == sha256
    except OSError:
        return False


def _shows(target: Path, version: Path, sha256: str, size_bytes: int) -> bool:
    """Whether a stable name has the content of its version, known to be whole: a hard link is not read again."""
    with suppress(OSError):
        if target.samefile(version):
            return True
    return _holds(target, sha256, size_bytes)


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    """Flush a folder's entries to disk; some network file systems refuse that for folders."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
