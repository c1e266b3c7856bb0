"""How is one ffmpeg or ffprobe started, and what does it say?

The child is always reaped; it is killed by the kernel when the thread that started it dies. Its stderr is read to the
end, in bounded memory, whatever the exit code is: ffmpeg decodes a truncated file with exit code 0.

It reads files under the neutral name of an open descriptor, so that no name of a recording gets into its log.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import select
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import IO

from touchline.errors import CommandError
from touchline.storage import STORAGE_ERRNOS, is_said_in_passing, storage_errno
from touchline.video.log import NEUTRAL_NAME, programs_message

KEPT_LINES = 200
LAST_LINES = 6
FRAME_TIMES = "pipe:FRAME_TIMES"
"""In an argv: where a filter writes the times of frames, for `on_frame`."""
_FILE = "file:"
_LINE_CHARACTERS = 500
_READ_BYTES = 1 << 16
_PIPE_BYTES = 1 << 20
_READER_ENDS_S = 5.0
_HAD_ENOUGH = os.strerror(errno.EPIPE)
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)

OnLine = Callable[[str], None]


@dataclass
class _Handed:
    """What takes the place of names in the child's argv, and the descriptors it inherits."""

    argv: list[str]
    descriptors: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    frames: int | None = None


class Child:
    """A running command: stdout is read by us, stderr and frame times by threads of their own.

    `feeder` is a child whose stdout this one reads as "pipe:0"; it ends with this one.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        on_line: OnLine | None = None,
        on_frame: OnLine | None = None,
        feeder: Child | None = None,
    ) -> None:
        self.argv = list(argv)
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._on_line = on_line
        self._feeder = feeder
        self._kernel_errno: int | None = None
        self._reader_had_enough = False
        with _handed(self.argv, with_frames=on_frame is not None) as handed:
            self._names = handed.names
            self._process = self._start(handed)
        assert self._process.stdout is not None and self._process.stderr is not None  # noqa: S101
        self.stdout: IO[bytes] = self._process.stdout
        with contextlib.suppress(OSError):  # a smaller pipe is only slower
            fcntl.fcntl(self.stdout.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._readers = [_reading(self._process.stderr.fileno(), self._keep)]
        self._stderr: IO[bytes] = self._process.stderr
        self._frames = handed.frames
        if handed.frames is not None and on_frame is not None:
            self._readers.append(_reading(handed.frames, on_frame))

    def _start(self, handed: _Handed) -> subprocess.Popen[bytes]:
        try:
            process = subprocess.Popen(
                handed.argv,
                stdin=self._feeder.stdout if self._feeder else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=_environment(),
                pass_fds=handed.descriptors,
                preexec_fn=_die_with(os.getpid()),
            )
        except OSError as error:
            if handed.frames is not None:
                os.close(handed.frames)
            raise CommandError(self.argv, 127, f"cannot be started: {error}") from None
        if self._feeder:
            self._feeder.stdout.close()  # else the feeder would never learn that its reader has ended
        return process

    @property
    def stderr(self) -> str:
        """The last lines that the command wrote to stderr."""
        return "\n".join(self._lines)

    def read(self, size: int, wait_s: float) -> bytes:
        """At most `size` bytes of stdout, empty at its end."""
        ready, _, _ = select.select([self.stdout], [], [], max(0.0, wait_s))
        if not ready:
            raise self.error("took too long and was stopped")
        return os.read(self.stdout.fileno(), size)

    def finish(self, wait_s: float) -> None:
        """Wait for the end and raise if the command, or the one that feeds it, failed."""
        try:
            code = self._process.wait(max(0.0, wait_s))
        except subprocess.TimeoutExpired:
            raise self.error("took too long and was stopped") from None
        self._join()
        if self._feeder:
            self._feeder.finish_feeding()
        if code or is_said_in_passing(self._kernel_errno):
            raise CommandError(self.argv, code, self._last_lines(), self._kernel_errno)

    def finish_feeding(self) -> None:
        """After the end of its reader: raise if this command failed, unless only because the reader had enough."""
        try:
            code = self._process.wait(_READER_ENDS_S)
        except subprocess.TimeoutExpired:
            return
        self._join()
        if (code and not self._reader_had_enough) or is_said_in_passing(self._kernel_errno):
            raise CommandError(self.argv, code, self._last_lines(), self._kernel_errno)

    def error(self, reason: str) -> CommandError:
        """An error for a command that we stop: its exit code will be that of SIGKILL."""
        return CommandError(self.argv, -signal.SIGKILL, f"{reason}; {self._last_lines()}".rstrip("; "))

    def kill(self) -> None:
        """End and reap the command, and the one that feeds it, if they still run, and close our ends of its pipes."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._join()
        self.stdout.close()
        self._stderr.close()
        if self._frames is not None:
            os.close(self._frames)
            self._frames = None
        if self._feeder:
            self._feeder.kill()

    def _join(self) -> None:
        for reader in self._readers:
            reader.join(_READER_ENDS_S)

    def _last_lines(self) -> str:
        return " | ".join(list(self._lines)[-LAST_LINES:])

    def _keep(self, line: str) -> None:
        for name in self._names:
            line = line.replace(name, NEUTRAL_NAME)
        self._lines.append(line)
        words = programs_message(line)
        if words is not None:
            self._kernel_errno = storage_errno(words) or self._kernel_errno
            self._reader_had_enough |= words.endswith(_HAD_ENOUGH)
        if self._on_line is not None:
            self._on_line(line)


@contextlib.contextmanager
def _handed(argv: Sequence[str], *, with_frames: bool) -> Iterator[_Handed]:
    """The argv that the child gets: files to read by descriptor; our own copies are closed at the end of the block."""
    handed = _Handed(list(argv))
    if not with_frames and any(FRAME_TIMES in piece.replace("\\", "") for piece in argv):
        raise ValueError("the graph tells frame times, and nobody listens")
    try:
        for at, (flag, name) in enumerate(pairwise(argv), start=1):
            if flag == "-i" and name.startswith(_FILE):
                handed.descriptors.append(_opened(argv, name.removeprefix(_FILE)))
                handed.argv[at] = f"{_FILE}/proc/self/fd/{handed.descriptors[-1]}"
                handed.names.append(handed.argv[at])
        if with_frames:
            handed.frames, ours = os.pipe()
            handed.descriptors.append(ours)
            handed.argv = [piece.replace("FRAME_TIMES", str(ours)) for piece in handed.argv]
        yield handed
    finally:
        for descriptor in handed.descriptors:
            os.close(descriptor)


def _opened(argv: Sequence[str], path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        number = error.errno if error.errno in STORAGE_ERRNOS else None
        raise CommandError(list(argv), 1, f"{NEUTRAL_NAME}: {error.strerror}", number) from None


def _reading(descriptor: int, keep: OnLine) -> threading.Thread:
    """A thread that gives each line to `keep`, in bounded memory, until the other end is closed."""

    def read() -> None:
        rest = b""
        while block := os.read(descriptor, _READ_BYTES):
            *lines, rest = (rest + block).replace(b"\r", b"\n").split(b"\n")
            rest = rest[-_READ_BYTES:]
            for line in lines:
                _give(line, keep)
        _give(rest, keep)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _give(line: bytes, keep: OnLine) -> None:
    text = line.decode("utf-8", "replace").strip()[:_LINE_CHARACTERS]
    if text:
        keep(text)


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
