"""How does a person at the NAS learn that a match failed? `FAILED.txt` in its folder: one line."""

from __future__ import annotations

import contextlib

from touchline.beneath.folder import open_folder
from touchline.domain.layout import MatchFolder
from touchline.domain.text import shown
from touchline.errors import UntrustedFileError
from touchline.exports.match_folder import opened_folder
from touchline.storage import writing


def write_failure(folder: MatchFolder, reason: str) -> None:
    """Write the one-line reason; the match's folder is made where it is not there.

    Raises:
        StorageError: the output folder is away, full or read-only. Nothing is made below a mount that is away.
        UntrustedFileError: the match's folder is a link.
    """
    name = folder.failure.name
    with writing(folder.failure), opened_folder(folder, make=True) as opened, opened.replacing(name) as note:
        note.write(f"{shown(reason)}\n".encode())


def remove_failure(folder: MatchFolder) -> None:
    """Remove the reason, and the folder where it held nothing else."""
    with contextlib.suppress(FileNotFoundError), opened_folder(folder) as opened:
        opened.unlink(folder.failure.name)
    with contextlib.suppress(OSError, UntrustedFileError), open_folder(folder.output_dir) as output:
        output.rmdir(folder.match_id)
