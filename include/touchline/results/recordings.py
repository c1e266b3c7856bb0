"""Can the recordings be read, from where, and do they stay as they are while a step reads them?

ffprobe takes a mount that goes away for the end of the file, and ends with exit code 0. So nothing that was made from
recordings counts until they are seen to be the same at the end, and none is called bad on the strength of one look.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, TypeVar

from touchline.beneath.folder import open_folder
from touchline.domain.layout import ScratchFiles
from touchline.domain.recording import Recording
from touchline.errors import BadRecordingError, CommandError, StorageError, TouchlineError, UsageError
from touchline.results.fingerprint import fingerprint
from touchline.settings import Settings
from touchline.storage import STORAGE_ERRNOS, path_of, reading, storage_error

Made = TypeVar("Made")
_BLOCK_BYTES = 1 << 22


@contextmanager
def open_recording(path: Path, settings: Settings) -> Iterator[BinaryIO]:
    """Open a recording for reading: a plain file below NAS_MOUNT_PATH, with no link on its way.

    Raises:
        UsageError: it lies elsewhere.
        UntrustedFileError: it is something else, or a link leads to it.
        StorageError: it is away.
    """
    mount = settings.nas_mount_path.resolve()
    if not path.is_relative_to(mount):
        raise UsageError(f"recording {path} lies outside NAS_MOUNT_PATH ({mount}): put it there")
    with ExitStack() as stack:
        with reading(path):
            folder = stack.enter_context(open_folder(mount))
            handle = stack.enter_context(folder.open(path.relative_to(mount)))
        yield handle


def from_nearest(recordings: Sequence[Recording], scratch: ScratchFiles,
                 make: Callable[[Sequence[Recording]], Made]) -> Made:
    """`from_whole`, of the copies of the recordings in SCRATCH_DIR where this host has them.

    A copy that cannot be used counts as none. What is made is the same: results name fingerprints, not paths.

    Raises:
        BadRecordingError: a recording has another content by now; it may be of the same size.
    """
    near = [_nearest(recording, scratch) for recording in recordings]
    if near != list(recordings):
        try:
            return from_whole(_paths(near), lambda: make(near))
        except (BadRecordingError, StorageError) as error:
            if isinstance(error, StorageError) and error.path not in _paths(near):
                raise
            print(f"the copy in SCRATCH_DIR cannot be used, reading from the NAS: {error}", file=sys.stderr)
    made = from_whole(_paths(recordings), lambda: make(recordings))
    for recording in recordings:
        refuse_other_content(Path(recording.path), recording.fingerprint)
    return made


def refuse_other_content(path: Path, registered: str) -> None:
    """Refuse a recording that is not the one that was registered.

    Raises:
        BadRecordingError: its fingerprint is another.
        StorageError: it is away.
    """
    with reading(path):
        if fingerprint(path) != registered:
            raise BadRecordingError(f"{path} has changed since it was registered: register it again as a new match")


def _nearest(recording: Recording, scratch: ScratchFiles) -> Recording:
    copy = scratch.recording(recording.fingerprint)
    try:
        is_whole = copy.stat().st_size == recording.size_bytes and os.access(copy, os.R_OK)
    except OSError:
        return recording
    return replace(recording, path=str(copy)) if is_whole else recording


def _paths(recordings: Sequence[Recording]) -> list[Path]:
    return [Path(recording.path) for recording in recordings]


def from_whole(recordings: Sequence[Path], make: Callable[[], Made]) -> Made:
    """What `make` makes from recordings that can be read before and after it, and are of the same size.

    When `make` finds a recording bad, every byte is read once and `make` is tried again: if the storage was at fault,
    either the reading says so or the second try succeeds.

    Raises:
        StorageError: a recording is away, cannot be read, or changed under the reader (exit code 1).
        BadRecordingError: `make` found it bad twice, although all of it can be read.
    """
    sizes = _sizes(recordings)
    try:
        made = make()
    except StorageError:
        raise
    except (OSError, TouchlineError) as error:
        was_read = _refuse_storage_failure(error, recordings)
        if not isinstance(error, BadRecordingError):
            raise
        _refuse_changed(recordings, sizes)
        if not was_read:
            _read_through(recordings)
        made = make()
    _refuse_changed(recordings, sizes)
    return made


def _sizes(recordings: Sequence[Path]) -> list[int]:
    """The size of each recording, of which the first byte was read."""
    sizes = []
    for path in recordings:
        with reading(path):
            sizes.append(path.stat().st_size)
            if path.is_file():
                with path.open("rb") as handle:
                    handle.read(1)
    return sizes


def _refuse_changed(recordings: Sequence[Path], sizes: Sequence[int]) -> None:
    for path, before, now in zip(recordings, sizes, _sizes(recordings), strict=True):
        if before != now:
            raise StorageError(path, "holds a recording that changed while it was read", "leave it as it is",
                               reason=f"{before} bytes before, {now} now")


def _refuse_storage_failure(error: BaseException, recordings: Sequence[Path]) -> bool:
    """Raise the `StorageError` that is behind an error: what the kernel says now, or said to us or to ffmpeg.

    ffmpeg says "Input/output error" of damaged content too: then every byte is read, and the kernel says whether it is
    the storage. Returns whether that was done.
    """
    _sizes(recordings)
    was_read = False
    link: BaseException | None = error
    while link is not None:
        number = None
        if isinstance(link, CommandError):
            number = link.kernel_errno
            if number == errno.EIO:
                _read_through(recordings)
                number, was_read = None, True
        elif isinstance(link, OSError) and path_of(link) in (None, *recordings):
            number = link.errno if link.errno in STORAGE_ERRNOS else None
        if number is not None:
            raise storage_error(number, _named_in(link, recordings), writes=False) from error
        link = link.__cause__ or link.__context__
    return was_read


def _named_in(error: BaseException, recordings: Sequence[Path]) -> Path:
    """The recording that an error is about; the first where it names none."""
    inputs = error.inputs() if isinstance(error, CommandError) else []
    named = path_of(error) if isinstance(error, OSError) else None
    return next((path for path in recordings if path == named or f"file:{path}" in inputs), recordings[0])


def _read_through(recordings: Sequence[Path]) -> None:
    for path in recordings:
        with reading(path), path.open("rb") as handle:
            while handle.read(_BLOCK_BYTES):
                pass
