"""Is a step's result already there, and is it whole?

A result is one JSON file: which step wrote it, what went in (fingerprints, ranges, settings, versions), what came
out, and a digest over all of it. It holds no clock time, host or measurement; those are beside it in
`<name>.stats.json`. It is written under a temporary name on the same file system, flushed to disk and renamed.
Whoever reads it may not trust who wrote it (see `touchline.beneath`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.beneath.folder import temporary_name
from touchline.errors import DamagedResultError, UntrustedFileError
from touchline.results.files import folder_of, remove_leftovers, write_json, write_text
from touchline.storage import writing

REUSED = "found done: the result was whole and is reused"
"""The last line of a step that had nothing to compute; by it the Airflow side knows that no work was done."""
_ROOM_BYTES = 1 << 16
RESULT_BYTES = 1 << 25
"""What a chunk of two hours shows, the longest there may be, takes up to 24 MB; a scan of six hours 5 MB."""
_STATS_BYTES = 1 << 16
_OBJECTS = ("inputs", "result")


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
    write_text(path, canonical({**body, "digest": digest}) + "\n")
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


@contextlib.contextmanager
def reading_result(path: Path) -> Iterator[dict[str, Any]]:
    """Give the result that an earlier step wrote; the block takes from it what it needs, and nothing else.

    Raises:
        DamagedResultError: as `read_result`, or it holds something other than the block takes for granted.
    """
    result = read_result(path).result
    try:
        yield result
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        what = " ".join(str(error).split())[:80]
        raise DamagedResultError(f"{path} holds something other than what its step writes "
                                 f"({type(error).__name__}: {what}): run that step again") from error


def read_inputs(path: Path) -> dict[str, Any] | None:
    """What a result was made from; None where it is missing or damaged."""
    stored = _stored(path)
    return stored["inputs"] if stored else None


def read_stats(path: Path) -> dict[str, Any]:
    """The measurements beside a result; empty where there are none."""
    with contextlib.suppress(OSError, UntrustedFileError), folder_of(path) as folder:
        return folder.read_json(path.with_suffix(".stats.json").name, _STATS_BYTES)
    return {}


def _refuse_full_folder(path: Path) -> None:
    """A full or read-only folder is noticed before hours of work, not after them."""
    name = temporary_name(path.name)
    with writing(path), folder_of(path, make=True) as folder:
        try:
            with folder.create(name) as handle:
                handle.write(bytes(_ROOM_BYTES))
        finally:
            folder.unlink(name)


def digest_of(content: Any) -> str:
    """Hex sha256 of the canonical JSON of plain data."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def canonical(content: Any) -> str:
    """Plain data as JSON in one line, without a space: what a match shows is millions of numbers."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _stored(path: Path) -> dict[str, Any] | None:
    try:
        with folder_of(path) as folder:
            stored = folder.read_json(path.name, RESULT_BYTES)
        body = {key: stored[key] for key in ("step", "inputs", "result")}
        is_whole = stored["digest"] == digest_of(body) and all(isinstance(body[key], dict) for key in _OBJECTS)
        return stored if is_whole else None
    except (OSError, UntrustedFileError, KeyError, ValueError, RecursionError):
        return None


def _plain(content: Any) -> Any:
    return json.loads(json.dumps(content))

