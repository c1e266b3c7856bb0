"""How does a person at the NAS learn that a match failed? `FAILED.txt` in its folder: one line."""

from __future__ import annotations

import contextlib

from touchline.domain.layout import MatchFolder
from touchline.errors import StorageError
from touchline.steps.result import replacing


def write_failure(folder: MatchFolder, reason: str) -> None:
    """Write the one-line reason; the match's folder is made where it is not there.

    Raises:
        StorageError: the output folder is away, full or read-only. Nothing is made below a mount that is away.
    """
    if not folder.output_dir.is_dir():
        raise StorageError(folder.output_dir, "is no folder", "mount or create it")
    with replacing(folder.failure) as temporary:
        temporary.write_text(" ".join(reason.split()) + "\n")


def remove_failure(folder: MatchFolder) -> None:
    """Remove the reason, and the folder where it held nothing else."""
    folder.failure.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.root.rmdir()
