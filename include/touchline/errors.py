"""Which ways can a step fail, and is a retry worth it?

Every error is one line for a person: what is wrong, with which file, what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_BAD_RECORDING = 3
EXIT_STORAGE = 4

RECORDING, STORAGE, SETTING, STOPPED, INFRASTRUCTURE = CAUSES = (
    "recording", "storage", "setting", "stopped", "infrastructure")
"""Whose fault a failure is: it decides what is tried again at night, and the metrics count by it. STOPPED: a person,
a hold or a time limit ended the work."""
_CAUSE_OF_EXIT = {EXIT_USAGE: SETTING, EXIT_BAD_RECORDING: RECORDING, EXIT_STORAGE: STORAGE}


@dataclass(frozen=True)
class Failure:
    """Why something failed: one of CAUSES, and one line for a person."""

    cause: str
    reason: str


def cause_of(exit_code: int) -> str:
    """What the exit code of a step says about the cause."""
    return _CAUSE_OF_EXIT.get(exit_code, INFRASTRUCTURE)


class TouchlineError(Exception):
    """Something failed; a retry may heal it (exit code 1)."""

    exit_code = EXIT_FAILED

    @property
    def failure(self) -> Failure:
        """Its cause and its line."""
        return Failure(cause_of(self.exit_code), str(self))


class UsageError(TouchlineError):
    """The request itself is wrong: an unknown reel, a path outside the mount (exit code 2)."""

    exit_code = EXIT_USAGE


class SettingError(UsageError):
    """A setting in the environment has a value that cannot be used (exit code 2)."""


class BadRecordingError(TouchlineError):
    """The recording cannot be used and no retry helps (exit code 3)."""

    exit_code = EXIT_BAD_RECORDING


class IncompleteRecordingError(TouchlineError):
    """The recording is still being copied, or its end is missing: wait and look again.

    `usable_ms` is how much of it can be used if nothing more comes; None where only its rest makes it usable.
    """

    def __init__(self, message: str, usable_ms: int | None = None) -> None:
        self.usable_ms = usable_ms
        super().__init__(message)


class StorageError(TouchlineError):
    """A disk is full, a folder is read-only or a mount is away (exit code 4); nothing is wrong with the recording.

    `state` and `advice` are for a person, `reason` are the kernel's words. `place` names the setting and its folder
    (see `results/folders.py`); without it the path stands alone.
    """

    exit_code = EXIT_STORAGE

    def __init__(self, path: Path, state: str, advice: str, *, reason: str = "", place: str = "") -> None:
        self.path = path
        self.state = state
        self.advice = advice
        self.reason = reason
        detail = f" ({path}: {reason})" if place and reason else f" ({reason})" if reason else ""
        super().__init__(f"{place or path} {state}{detail}; {advice}, the task is tried again")


class CatalogueError(TouchlineError):
    """The catalogue's database is away or busy; nothing is wrong with the match."""


class CommandError(TouchlineError):
    """A command of ours (ffmpeg, ffprobe) failed; carries argv, exit code and its last lines.

    `last_lines` calls each file that it read "input", whatever its name; `kernel_errno` is the kernel's error number
    where the command itself said that it could not read or write.
    """

    def __init__(self, argv: list[str], returncode: int, last_lines: str, kernel_errno: int | None = None) -> None:
        self.argv = argv
        self.returncode = returncode
        self.last_lines = last_lines
        self.kernel_errno = kernel_errno
        read = " and ".join(name.removeprefix("file:") for name in self.inputs())
        super().__init__(f"{argv[0]} ended with exit code {returncode}{f' on {read}' if read else ''}: {last_lines}")

    def inputs(self) -> list[str]:
        """The files that the command reads, as in its argv: ["file:/nas/a.mp4"]."""
        return [name for flag, name in pairwise(self.argv) if flag == "-i" and name.startswith("file:")]


class ModelError(TouchlineError):
    """A model cannot be loaded, or holds something that must not be loaded."""


class DamagedResultError(TouchlineError):
    """A result that an earlier step wrote is missing or does not match its digest."""


class UntrustedFileError(TouchlineError):
    """Where a file of ours should lie, somebody put a link, a pipe or something too large; it is left untouched.

    `path` and `what` ("is not a plain file") are for a person.
    """

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self.what = what
        super().__init__(f"{path} {what}: touchline does not touch it; find out who put it there, and remove it")
