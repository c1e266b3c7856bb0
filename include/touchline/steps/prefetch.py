"""Copy the recordings of a match to SCRATCH_DIR, so that a slow NAS is read once per host and not by every step."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from touchline.domain.layout import ScratchFiles
from touchline.errors import StorageError, TouchlineError
from touchline.progress import report
from touchline.results.files import folder_of, is_there, remove_leftovers, replacing
from touchline.results.fingerprint import fingerprint_of
from touchline.results.recordings import open_recording
from touchline.results.request import load_request
from touchline.settings import Settings
from touchline.storage import free_space, reading

_BLOCK_BYTES = 4 << 20
_ROOM_TIMES = 2
"""The copy takes at most half of what is free: the match's clips need about as much."""


def prefetch(match_id: str, settings: Settings) -> None:
    """Copy every recording of the match that this host has no whole copy of.

    A copy gets its name when it is whole, on the disk and of the fingerprint that was registered. Other steps take it
    from then on; it goes with the scratch folder of the match.

    Raises:
        StorageError: a recording is away, or SCRATCH_DIR has too little room.
        TouchlineError: another process copies it now, or a recording has changed.
    """
    request = load_request(match_id, settings)
    scratch = ScratchFiles(settings.scratch_dir, match_id)
    with _alone(scratch):
        for path, registered in zip(map(Path, request.recordings), request.fingerprints, strict=True):
            copy = scratch.recording(registered)
            if not is_there(copy):
                _copy(path, copy, registered, settings)
    report("prefetch", 1.0)


def _copy(recording: Path, copy: Path, registered: str, settings: Settings) -> None:
    remove_leftovers(copy)
    with open_recording(recording, settings) as source:
        status = os.fstat(source.fileno())
        _refuse_little_room(copy, status.st_size)
        with replacing(copy, 0o600) as target:
            _copy_bytes(recording, source, target, status.st_size)
            if fingerprint_of(target) != registered:
                raise TouchlineError(f"{recording} has changed since it was registered: its copy is not used")
            # Whoever may read the recording may read its copy, and nobody else.
            os.fchmod(target.fileno(), status.st_mode & 0o777)
            with suppress(PermissionError):
                os.fchown(target.fileno(), -1, status.st_gid)


def _copy_bytes(recording: Path, source: BinaryIO, target: BinaryIO, size: int) -> None:
    done = 0
    while True:
        with reading(recording):
            block = source.read(_BLOCK_BYTES)
        if not block:
            target.flush()
            return
        target.write(block)
        done += len(block)
        report("prefetch", min(0.99, done / max(1, size)))


def _refuse_little_room(copy: Path, size: int) -> None:
    with folder_of(copy, make=True) as folder:
        free = shutil.disk_usage(folder.descriptor).free
    if free < size * _ROOM_TIMES:
        needed = f"{size * _ROOM_TIMES // 1_000_000} MB"
        raise StorageError(copy, f"has too little room for a copy: {free_space(copy)} free, {needed} wanted",
                           "free some space")


@contextmanager
def _alone(scratch: ScratchFiles) -> Iterator[None]:
    lock = scratch.root / "prefetch.lock"
    with folder_of(lock, make=True) as folder, ExitStack() as held:
        try:
            held.enter_context(folder.alone(lock.name))
        except BlockingIOError:
            raise TouchlineError(f"another process copies the recordings of {scratch.match_id} now") from None
        yield
