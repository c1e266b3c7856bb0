"""How are the processes of one Airflow kept running, and ended in the right order?"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from touchline_deploy.embedded.kept_log import KeptLog
from touchline_deploy.embedded.process_tree import end_session, reap, start_session

LONGEST_WAIT_SEC = 30
WELL_AFTER_SEC = 60
LAST_WORDS_SEC = 2


@dataclass(frozen=True)
class Command:
    """What to run. `grace_sec`: how long it may take to end its own children in good order."""

    argv: Sequence[str]
    environ: Mapping[str, str]
    grace_sec: float = 3.0


@dataclass
class _Process:
    popen: subprocess.Popen[bytes]
    started: float
    starts: int
    due: float | None = None


class Processes:
    """Processes by name, each the leader of a session with all that it starts; what dies is started again.

    What each says goes to a log of its own in `logs`. They are ended in the order of `commands`. `changed` is
    called with the process ids whenever these change.
    """

    def __init__(self, commands: Mapping[str, Command], folder: Path, logs: Path, say: Callable[[str], None],
                 changed: Callable[[Mapping[str, int]], None]) -> None:
        self._commands, self._folder = commands, folder
        self._logs = {name: KeptLog(logs / f"{name}.log") for name in commands}
        self._say, self._changed = say, changed
        self._processes: dict[str, _Process] = {}

    def start(self) -> None:
        """Start all of them."""
        for name in self._commands:
            self._start(name)

    def look(self) -> None:
        """Start again what has died, ever later if it keeps dying. Call it a few times a second."""
        for name, process in list(self._processes.items()):
            if process.due is None and process.popen.poll() is not None:
                self._bury(name, process)
            if process.due is not None and time.monotonic() >= process.due:
                self._start(name, process.starts + 1)
        reap()

    def end(self) -> None:
        """End all of them; returns when nothing of them runs."""
        for name, command in self._commands.items():
            if process := self._processes.get(name):
                end_session(process.popen.pid, command.grace_sec)
                process.popen.wait()
                self._logs[name].wait(LAST_WORDS_SEC)
        reap()

    def _start(self, name: str, starts: int = 1) -> None:
        command = self._commands[name]
        popen = start_session(command.argv, command.environ, self._folder, subprocess.PIPE)
        if popen.stdout:
            self._logs[name].follow(popen.stdout)
        self._processes[name] = _Process(popen, time.monotonic(), starts)
        self._changed({name: process.popen.pid for name, process in self._processes.items()})

    def _bury(self, name: str, process: _Process) -> None:
        """End what a dead process left, or two would do its work."""
        lived_sec = time.monotonic() - process.started
        end_session(process.popen.pid, self._commands[name].grace_sec)
        self._say(f"{name} ended with exit code {process.popen.returncode} after {lived_sec:.0f} s: starting again")
        if lived_sec > WELL_AFTER_SEC:
            process.starts = 1
        process.due = time.monotonic() + min(2 ** (process.starts - 1), LONGEST_WAIT_SEC)
