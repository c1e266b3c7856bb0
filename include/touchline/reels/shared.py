"""Who makes a clip that two reels want at the same time on one host? The first; the other waits and takes it."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from touchline.alone import alone
from touchline.storage import writing


def make_once(target: Path, make: Callable[[Path], object]) -> bool:
    """Have `make` write `target` under a temporary name, unless it is there; True if it was made now.

    What a killed maker left is removed by the next one.

    Raises:
        StorageError: the disk is full, or the folder cannot be written; nothing of the target is left.
    """
    with locked(target):
        if target.exists():
            return False
        for leftover in target.parent.glob(f".{target.stem}.*.part.*"):
            leftover.unlink()
        temporary = target.with_name(f".{target.stem}.{secrets.token_hex(8)}.part{target.suffix}")
        try:
            with writing(target):
                make(temporary)
                _sync(temporary)
                temporary.replace(target)
        finally:
            with contextlib.suppress(OSError):  # the error that led here says more; the next maker removes it
                temporary.unlink(missing_ok=True)
    return True


@contextlib.contextmanager
def locked(target: Path) -> Iterator[None]:
    """Be the only one on this host to work on `target`; waits for the other."""
    with contextlib.ExitStack() as stack:
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(alone(target.with_name(f"{target.name}.lock")))
        yield


def _sync(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())
