"""How do we start processes so that nothing of them stays? Linux only; standard library only."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies, so that `reap` can collect it."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def dies_with_parent(signal_number: int) -> Callable[[], None]:
    """A `preexec_fn`: the child gets this signal when its parent dies, however it dies."""
    parent = os.getpid()

    def tie() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def start_session(argv: Sequence[str], environ: Mapping[str, str], folder: Path,
                  log: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start a process that leads a session of its own; its output goes to `log` (or a pipe), it dies with us."""
    return subprocess.Popen(argv, env=dict(environ), cwd=folder, stdin=subprocess.DEVNULL, stdout=log,
                            stderr=subprocess.STDOUT, start_new_session=True,
                            preexec_fn=dies_with_parent(signal.SIGKILL))


def session_members(session: int) -> list[int]:
    """All living processes of a session, also those whose parents are gone."""
    return [pid for pid in _processes() if _session_of(pid) == session]


def end_session(session: int, grace_sec: float) -> None:
    """SIGTERM to all members, SIGKILL to who is left after the grace; returns when none is left."""
    for member in session_members(session):
        _send(member, signal.SIGTERM)
    deadline = time.monotonic() + grace_sec
    while (members := session_members(session)) and time.monotonic() < deadline:
        reap()
        time.sleep(0.05)
    while members:
        for member in members:
            _send(member, signal.SIGKILL)
        reap()
        time.sleep(0.02)
        members = session_members(session)


def reap() -> None:
    """Collect the exit codes of adopted children; children of our own are left to their Popen."""
    for pid in _processes():
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = _stat(pid)
            if int(fields[1]) == os.getpid() and fields[0] == "Z" and int(fields[3]) != pid:
                os.waitpid(pid, os.WNOHANG)


def end_recorded_sessions(record: Path, folder: Path) -> None:
    """End what a supervisor that was itself killed could not end: the sessions that `record` names.

    A number may be a stranger's by now: only a session of which no member works outside `folder` is ended.
    """
    with contextlib.suppress(OSError, ValueError):
        for session in json.loads(record.read_text()).values():
            members = session_members(session)
            if members and not any(_works_outside(member, folder) for member in members):
                end_session(session, 1)


def _works_outside(pid: int, folder: Path) -> bool:
    """A process that has ended meanwhile works nowhere."""
    try:
        return not Path(os.readlink(f"/proc/{pid}/cwd")).is_relative_to(folder.resolve())
    except (FileNotFoundError, ProcessLookupError):
        return False
    except OSError:
        return True


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _session_of(pid: int) -> int:
    with contextlib.suppress(OSError, IndexError, ValueError):
        fields = _stat(pid)
        return -1 if fields[0] == "Z" else int(fields[3])
    return -1


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat after the name: state, parent, group, session…"""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def _send(pid: int, signal_number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal_number)
