"""Is a step's result already there, and is it whole?

A result is one JSON file: which step wrote it, what went in (fingerprints, ranges, settings, versions), what came
out, and a digest over all of it. It holds no clock time, host or measurement; those stand beside it in
`<name>.stats.json`. It is written under a temporary name on the same file system, flushed to disk and renamed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.errors import DamagedResultError
from touchline.storage import writing

_ROOM_BYTES = 1 << 16


@dataclass(frozen=True)
class Outcome:
    """What a step gave: `result` as stored, its `digest` (hex), and whether it was `reused`."""

    result: dict[str, Any]
    digest: str
    reused: bool


def reuse_or_compute(
    path: Path,
    step: str,
    inputs: Mapping[str, Any],
    compute: Callable[[], dict[str, Any]],
    *,
    force: bool = False,
    check: Callable[[dict[str, Any]], bool] | None = None,
) -> Outcome:
    """Return the stored result if it is whole and was made from these inputs; else compute and store it.

    `check` may refuse a stored result whose files beside it (a reel's video) are gone or damaged.
    `compute` may put measurements under the key "stats"; they go to `<name>.stats.json` with the wall time.
    """
    remove_leftovers(path)
    if not force:
        stored = _stored(path)
        same = stored and stored["step"] == step and stored["inputs"] == _plain(inputs)
        if stored and same and (check is None or check(stored["result"])):
            return Outcome(stored["result"], stored["digest"], reused=True)
    _refuse_full_folder(path)
    started = time.monotonic()
    result = dict(compute())
    stats = {"wall_s": round(time.monotonic() - started, 3), **result.pop("stats", {})}
    body = {"step": step, "inputs": _plain(inputs), "result": _plain(result)}
    digest = digest_of(body)
    write_json(path.with_suffix(".stats.json"), stats)
    write_json(path, {**body, "digest": digest})
    return Outcome(body["result"], digest, reused=False)


def read_result(path: Path) -> Outcome:
    """Read what an earlier step wrote.

    Raises:
        DamagedResultError: it is missing or does not match its digest; clear the step that writes it.
    """
    stored = _stored(path)
    if stored is None:
        raise DamagedResultError(f"{path} is missing or damaged: run the step that writes it again")
    return Outcome(stored["result"], stored["digest"], reused=True)


def read_inputs(path: Path) -> dict[str, Any] | None:
    """What a result was made from; None where it is missing or damaged."""
    stored = _stored(path)
    return dict(stored["inputs"]) if stored else None


def read_stats(path: Path) -> dict[str, Any]:
    """The measurements beside a result; empty where there are none."""
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads(path.with_suffix(".stats.json").read_text()))
    return {}


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON so that the final name holds all of it or is not there."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path` to write to; on success it is fsynced and renamed, else removed.

    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    with _temporary(path) as temporary:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
    finally:
        with contextlib.suppress(OSError):  # the error that led here says more; `remove_leftovers` tries again
            temporary.unlink(missing_ok=True)


def _refuse_full_folder(path: Path) -> None:
    """A full or read-only folder is noticed before hours of work, not after them."""
    with _temporary(path) as temporary:
        temporary.write_bytes(bytes(_ROOM_BYTES))


def remove_leftovers(path: Path) -> None:
    """Remove what a killed attempt left beside `path`: its temporary files."""
    for leftover in path.parent.glob(f".{path.stem}.*.part{path.suffix}"):
        leftover.unlink(missing_ok=True)


def digest_of(content: Any) -> str:
    """Hex sha256 of the canonical JSON of plain data."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Hex sha256 of a file's bytes, read in pieces."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _stored(path: Path) -> dict[str, Any] | None:
    try:
        stored = json.loads(path.read_text())
        body = {key: stored[key] for key in ("step", "inputs", "result")}
        return stored if stored["digest"] == digest_of(body) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _plain(content: Any) -> Any:
    return json.loads(json.dumps(content))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
