"""How does a step run as a process that cannot outlive its task? The process runtime."""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from touchline.errors import EXIT_DONE, STOPPED, Failure, cause_of

LONGEST_LINE = 2000
GRACE_SEC = 5.0
_DRAIN_SEC = 2.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True)
class Finished:
    """How a step ended. `stdout` is all that it printed there, `reason` the last line of its stderr.

    `is_stopped`: a person, a hold or a time limit ended it.
    """

    exit_code: int
    stdout: str
    reason: str
    is_stopped: bool = False

    @property
    def failure(self) -> Failure | None:
        """None where it is done; else what the step said last, or how it ended."""
        if self.exit_code == EXIT_DONE:
            return None
        reason = self.reason or f"the step ended with exit code {self.exit_code} and said nothing"
        if self.exit_code < 0:
            reason = f"the step was ended by signal {-self.exit_code}"
        return Failure(STOPPED if self.is_stopped else cause_of(self.exit_code), reason)


class StepProcess:
    """One run of a step in a process group of its own.

    The kernel kills the step when the thread that started it dies, however it dies; `kill` ends the whole group. The
    step's own ffmpeg processes are tied to it in the same way.
    """

    def __init__(self, argv: Sequence[str], environ: Mapping[str, str], folder: Path | None = None) -> None:
        self.process = subprocess.Popen(list(argv), env=dict(environ), cwd=folder, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0,
                                        preexec_fn=_die_with(os.getpid()))

    def follow(self, say: Callable[[str], None]) -> Finished:
        """Pass every line on as it comes, until the step ends; nothing of its group is left then."""
        lines = {"stdout": Lines(say), "stderr": Lines(say)}
        try:
            self._read(lines)
            exit_code = self.process.wait()
        finally:
            self.kill(grace_sec=0)
            for pipe in (self.process.stdout, self.process.stderr):
                pipe.close()  # type: ignore[union-attr]
        for stream in lines.values():
            stream.end()
        return Finished(exit_code, "\n".join(lines["stdout"].kept), lines["stderr"].last)

    def kill(self, grace_sec: float = GRACE_SEC) -> None:
        """SIGTERM to the group, SIGKILL after the grace; harmless when it has ended.

        It may be called by a signal handler in the middle of `follow`, so it never waits without an end.
        """
        if self.process.poll() is None:
            self._signal(signal.SIGTERM)
            self._wait(grace_sec)
        self._signal(signal.SIGKILL)
        self._wait(_DRAIN_SEC)

    def _wait(self, timeout_sec: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout_sec)

    def _read(self, lines: Mapping[str, Lines]) -> None:
        with selectors.DefaultSelector() as selector:
            for name in lines:
                selector.register(getattr(self.process, name), selectors.EVENT_READ, lines[name])
            deadline = None
            while selector.get_map():
                for key, _ in selector.select(timeout=0.2):
                    stream: IO[bytes] = key.fileobj  # type: ignore[assignment]
                    if content := os.read(stream.fileno(), 1 << 16):
                        key.data.add(content)
                    else:
                        selector.unregister(stream)
                if self.process.poll() is not None:
                    # A grandchild may hold the pipes open: what the step said is there, do not wait for it.
                    deadline = deadline or time.monotonic() + _DRAIN_SEC
                    if time.monotonic() > deadline:
                        return

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)


class Lines:
    """Bytes in, lines out; a progress bar's carriage returns end a line as well. `kept` are the last 1000."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.kept: list[str] = []
        self.last = ""
        self._say = say
        self._rest = b""

    def add(self, content: bytes) -> None:
        """Pass on the lines that are whole now."""
        *whole, self._rest = (self._rest + content).replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            self._pass_on(line)
        if len(self._rest) > LONGEST_LINE:
            self.end()

    def end(self) -> None:
        """Pass on what is left."""
        rest, self._rest = self._rest, b""
        self._pass_on(rest)

    def _pass_on(self, line: bytes) -> None:
        text = line.decode(errors="replace").strip()[:LONGEST_LINE]
        if text:
            self.kept = [*self.kept[-999:], text]
            self.last = text
            self._say(text)


def end_with_parent() -> None:
    """Have the kernel send us SIGTERM when our own parent dies.

    Airflow's task process outlives its supervisor otherwise, and would go on beside the retry.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _die_with(parent: int) -> Callable[[], None]:
    def tie() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we were tied to it
            os._exit(1)

    return tie
