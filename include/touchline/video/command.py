"""How are ffmpeg and ffprobe run? One runner: an argument list, never a shell, and nothing left running."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from touchline.video.child import Child, OnLine

_READ_BYTES = 1 << 16


@dataclass(frozen=True)
class Completed:
    """What a command that ended with exit code 0 wrote; `stderr` holds its last 200 lines."""

    stdout: bytes
    stderr: str


def run(
    argv: Sequence[str],
    *,
    timeout_s: float,
    max_bytes: int = 1 << 26,
    feeder: Sequence[str] | None = None,
    on_line: OnLine | None = None,
    on_frame: OnLine | None = None,
) -> Completed:
    """Run a command to its end.

    `on_line` is called with each line of stderr, `on_frame` with each line that a filter writes to `FRAME_TIMES`, both
    from other threads. The stdout of `feeder`, a command too, is what this one reads as "pipe:0".

    Raises:
        CommandError: exit code other than 0 (or ffmpeg says that it could not read or write, which it may do with exit
            code 0), longer than `timeout_s` seconds, or more than `max_bytes` on stdout.
    """
    deadline = time.monotonic() + timeout_s
    blocks: list[bytes] = []
    size = 0
    with _started(argv, feeder, on_line, on_frame) as child:
        while block := child.read(_READ_BYTES, deadline - time.monotonic()):
            blocks.append(block)
            size += len(block)
            if size > max_bytes:
                raise child.error(f"wrote more than {max_bytes} bytes")
        child.finish(deadline - time.monotonic())
    return Completed(b"".join(blocks), child.stderr)


def stream(
    argv: Sequence[str],
    *,
    block_bytes: int,
    stall_s: float = 120.0,
    feeder: Sequence[str] | None = None,
    on_line: OnLine | None = None,
    on_frame: OnLine | None = None,
) -> Iterator[bytes]:
    """Run a command as `run` does; yield its stdout in blocks of exactly `block_bytes` bytes, the last may be shorter.

    Memory stays flat: the command waits while the reader works. Closing the generator kills the command.

    Raises:
        CommandError: exit code other than 0, or no output for `stall_s` seconds while the reader waits.
    """
    with _started(argv, feeder, on_line, on_frame) as child:
        while True:
            pieces, missing = [], block_bytes
            while missing and (piece := child.read(missing, stall_s)):
                pieces.append(piece)
                missing -= len(piece)
            if missing:
                child.finish(stall_s)
            if pieces:
                yield pieces[0] if len(pieces) == 1 else b"".join(pieces)
            if missing:
                return


@contextmanager
def _started(
    argv: Sequence[str], feeder: Sequence[str] | None, on_line: OnLine | None, on_frame: OnLine | None
) -> Iterator[Child]:
    """A running command and the one that feeds it, both ended at the end of the block."""
    feeding = Child(feeder) if feeder else None
    try:
        child = Child(argv, on_line=on_line, on_frame=on_frame, feeder=feeding)
    except BaseException:
        if feeding:
            feeding.kill()
        raise
    try:
        yield child
    finally:
        child.kill()
