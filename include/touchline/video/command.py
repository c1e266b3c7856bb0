"""How are ffmpeg and ffprobe run? One runner: an argument list, never a shell.

The child is always reaped; it is killed when its reader stops, fails or waits too long, and by the kernel when the
thread that started it dies. Its stderr is read to the end, in bounded memory, whatever the exit code is: ffmpeg decodes
a truncated file with exit code 0.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from touchline.errors import CommandError
from touchline.storage import is_storage_failure

KEPT_LINES = 200
LAST_LINES = 6
_LINE_CHARACTERS = 500
_READ_BYTES = 1 << 16
_PIPE_BYTES = 1 << 20
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Completed:
    """What a command that ended with exit code 0 wrote; `stderr` holds its last 200 lines."""

    stdout: bytes
    stderr: str


def run(
    argv: Sequence[str], *, timeout_s: float, max_bytes: int = 1 << 26, on_line: Callable[[str], None] | None = None
) -> Completed:
    """Run a command to its end. `on_line` is called with each line of stderr, from another thread.

    Raises:
        CommandError: exit code other than 0 (or ffmpeg says that it could not read or write, which it may do with exit
            code 0), longer than `timeout_s` seconds, or more than `max_bytes` on stdout.
    """
    deadline = time.monotonic() + timeout_s
    child = _Child(argv, on_line)
    blocks: list[bytes] = []
    size = 0
    try:
        while block := child.read(_READ_BYTES, deadline - time.monotonic()):
            blocks.append(block)
            size += len(block)
            if size > max_bytes:
                raise child.error(f"wrote more than {max_bytes} bytes")
        child.finish(deadline - time.monotonic())
    finally:
        child.kill()
    return Completed(b"".join(blocks), child.stderr)


def stream(
    argv: Sequence[str], *, block_bytes: int, stall_s: float = 120.0, on_line: Callable[[str], None] | None = None
) -> Iterator[bytes]:
    """Run a command and yield its stdout in blocks of exactly `block_bytes` bytes; the last may be shorter.

    Memory stays flat: the command waits while the reader works. Closing the generator kills the command.

    Raises:
        CommandError: exit code other than 0, or no output for `stall_s` seconds while the reader waits.
    """
    child = _Child(argv, on_line)
    try:
        while True:
            parts, missing = [], block_bytes
            while missing and (part := child.read(missing, stall_s)):
                parts.append(part)
                missing -= len(part)
            if missing:
                child.finish(stall_s)
            if parts:
                yield parts[0] if len(parts) == 1 else b"".join(parts)
            if missing:
                return
    finally:
        child.kill()


class _Child:
    """A running command: stdout is read by us, stderr by a thread of its own."""

    def __init__(self, argv: Sequence[str], on_line: Callable[[str], None] | None) -> None:
        self.argv = list(argv)
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._on_line = on_line
        self._storage_failure = ""
        try:
            self._process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=_environment(),
                preexec_fn=_die_with(os.getpid()),
            )
        except OSError as error:
            raise CommandError(self.argv, 127, f"cannot be started: {error}") from None
        assert self._process.stdout is not None and self._process.stderr is not None  # noqa: S101
        self._stdout: IO[bytes] = self._process.stdout
        self._stderr: IO[bytes] = self._process.stderr
        with contextlib.suppress(OSError):  # a smaller pipe is only slower
            fcntl.fcntl(self._stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._reader = threading.Thread(target=self._read_stderr, daemon=True)
        self._reader.start()

    @property
    def stderr(self) -> str:
        """The last lines that the command wrote to stderr."""
        return "\n".join(self._lines)

    def read(self, size: int, wait_s: float) -> bytes:
        """At most `size` bytes of stdout, empty at its end."""
        ready, _, _ = select.select([self._stdout], [], [], max(0.0, wait_s))
        if not ready:
            raise self.error("took too long and was stopped")
        return os.read(self._stdout.fileno(), size)

    def finish(self, wait_s: float) -> None:
        """Wait for the end and raise if the command failed."""
        try:
            code = self._process.wait(max(0.0, wait_s))
        except subprocess.TimeoutExpired:
            raise self.error("took too long and was stopped") from None
        self._reader.join(5.0)
        if code or self._storage_failure:
            raise CommandError(self.argv, code, self._storage_failure or self._last_lines())

    def error(self, reason: str) -> CommandError:
        """An error for a command that we stop: its exit code will be that of SIGKILL."""
        return CommandError(self.argv, -signal.SIGKILL, f"{reason}; {self._last_lines()}".rstrip("; "))

    def kill(self) -> None:
        """End and reap the command if it still runs, and close our ends of its pipes."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._reader.join(5.0)
        self._stdout.close()
        self._stderr.close()

    def _last_lines(self) -> str:
        return " | ".join(list(self._lines)[-LAST_LINES:])

    def _read_stderr(self) -> None:
        rest = b""
        while block := os.read(self._stderr.fileno(), _READ_BYTES):
            *lines, rest = (rest + block).replace(b"\r", b"\n").split(b"\n")
            rest = rest[-_READ_BYTES:]
            for line in lines:
                self._keep(line)
        self._keep(rest)

    def _keep(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()[:_LINE_CHARACTERS]
        if text:
            self._lines.append(text)
            if is_storage_failure(text):
                self._storage_failure = text
            if self._on_line is not None:
                self._on_line(text)


def _environment() -> dict[str, str]:
    # FFREPORT would make every child write a log file into the current folder.
    kept = {name: value for name, value in os.environ.items() if name != "FFREPORT"}
    return {**kept, "AV_LOG_FORCE_NOCOLOR": "1"}


def _die_with(parent: int) -> Callable[[], None]:
    """Return what the child does before exec: ask the kernel for SIGKILL when the thread that started it ends."""

    def ask() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask
