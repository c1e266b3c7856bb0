"""Was this alarm mailed already? One small file for each key in WORKING_DIR, which all hosts share."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from touchline.alone import alone
from touchline.catalogue.connection import now_ms
from touchline.domain.layout import mail_notes
from touchline.domain.moment import elapsed_ms
from touchline.errors import StorageError
from touchline.results.files import write_text

FORGET_AFTER_MS = 40 * 86_400_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Note:
    """When a letter with this key was mailed last, and how many were folded into the next one since."""

    key: str
    mailed_at_ms: int
    folded: int = 0


def find(working_dir: Path, key: str) -> Note | None:
    """The note on a key; None where nothing was mailed, or nobody can tell."""
    try:
        return Note(**json.loads(_file(working_dir, key).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def post(working_dir: Path, key: str, fold_ms: float, send: Callable[[int], bool]) -> bool | None:
    """Call `send` with the number of letters folded since the last one, unless that was less than `fold_ms` ago.

    Returns what `send` gave, or None when the letter was folded. Two that come at once are one mail. Where the notes
    cannot be kept the mail is sent all the same: that WORKING_DIR is away is worth a mail.
    """
    try:
        with _alone(working_dir):
            note, moment = find(working_dir, key), now_ms()
            if note and elapsed_ms(note.mailed_at_ms, moment) < fold_ms:
                # One that was mailed while the clock ran ahead was mailed now: it must not fold all until then.
                _write(working_dir, Note(key, min(note.mailed_at_ms, moment), note.folded + 1))
                return None
            _write(working_dir, Note(key, moment))
    except (OSError, StorageError) as error:
        log.warning("Alarms are not folded, WORKING_DIR=%s cannot be written: %s", working_dir, error)
        return send(0)
    if send(note.folded if note else 0):
        return True
    # It did not go out: the next one must not be folded into it.
    with suppress(OSError, StorageError):
        if note:
            _write(working_dir, note)
        else:
            _file(working_dir, key).unlink(missing_ok=True)
    return False


def forget_old(working_dir: Path) -> None:
    """Remove notes that nobody has needed for weeks."""
    for path in mail_notes(working_dir).glob("*.json"):
        if path.stat().st_mtime * 1000 < now_ms() - FORGET_AFTER_MS:
            path.unlink(missing_ok=True)


@contextmanager
def _alone(working_dir: Path) -> Iterator[None]:
    folder = mail_notes(working_dir)
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder / "lock"):
        yield


def _write(working_dir: Path, note: Note) -> None:
    write_text(_file(working_dir, note.key), json.dumps(asdict(note)))


def _file(working_dir: Path, key: str) -> Path:
    return mail_notes(working_dir) / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
