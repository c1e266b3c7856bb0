"""What goes into a backup, and what is published? A step, or a stranger, may have put anything there."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from touchline.beneath.folder import open_folder
from touchline.domain.layout import is_match_id
from touchline.errors import UntrustedFileError, UsageError
from touchline.exports.match_folder import MANIFEST_BYTES
from touchline.results.result import RESULT_BYTES
from touchline_airflow.recovery.facts import files_of_manifest


def results(working_dir: Path) -> Iterator[Path]:
    """The small results, by their names below `working_dir`: every JSON file that has its final name.

    A step may have put anything there: a link or a pipe is not a result, nor is what is larger than any of ours.
    """
    with suppress(FileNotFoundError), open_folder(working_dir) as folder:
        for path, status in folder.walk():
            is_hidden = any(part.startswith(".") for part in path.parts)
            if path.suffix == ".json" and not is_hidden and stat.S_ISREG(status.st_mode) \
                    and status.st_size <= RESULT_BYTES:
                yield path


def opened_results(working_dir: Path) -> Iterator[tuple[str, BinaryIO]]:
    """Name and content; one that goes away meanwhile is left out. What is open stays whole: a result is renamed."""
    with open_folder(working_dir) as folder:
        for path in results(working_dir):
            with suppress(FileNotFoundError, UntrustedFileError), folder.open(path) as content:
                yield str(path), content


def opened_secrets(place: Path) -> Iterator[tuple[str, BinaryIO]]:
    """Name and content of every key; the place is the operator's own, who may use links in it."""
    if not place.exists():
        raise UsageError(f"BACKUP_SECRETS={place} is not there: name the file or folder of Airflow's keys")
    for path in [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file()):
        with path.open("rb") as content:
            yield str(path.relative_to(place.parent)), content


def published_folders(output: Path) -> tuple[dict[str, Any], str | None]:
    """Every committed match folder, or why none is listed where the disk is away: the databases matter more."""
    found = {}
    try:
        with open_folder(output) as folder:
            for name in filter(is_match_id, folder.names()):
                with suppress(FileNotFoundError, NotADirectoryError, UntrustedFileError):
                    found[name] = published_folder(output / name)
        return found, None
    except OSError as error:
        return {}, f"NAS_OUTPUT_PATH ({output}) could not be read, published folders are not listed: {error.strerror}"


def published_folder(folder: Path) -> dict[str, Any]:
    """The manifest's own digest, and what it says about the files; `files` is empty where it is damaged.

    Raises:
        OSError: there is none, or it cannot be read.
        UntrustedFileError: it, or the folder, is a link.
    """
    with open_folder(folder.parent, folder.name) as opened:
        content = opened.read("manifest.json", MANIFEST_BYTES)
    return {"manifest": hashlib.sha256(content).hexdigest(), "files": files_of_manifest(content)}
