"""How is something asked of a mount that may never answer? In a child process, which is left behind then.

A dead NFS server holds its callers inside the kernel, where neither a signal nor a time limit of Python's reaches them.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import time
from collections.abc import Callable
from typing import Any, NoReturn

from touchline.errors import StorageError, TouchlineError

_END_SEC = 1.0


class NoAnswerError(TouchlineError):
    """The time ran out; whatever was asked still hangs in the kernel."""


def answer_within(timeout_sec: float, ask: Callable[[], Any]) -> Any:
    """What `ask` returns (plain data, as JSON holds it), asked in a child process with a time limit.

    Raises:
        NoAnswerError: it gave no answer in time. The child was killed, or dies when the kernel lets go of it.
        OSError, StorageError: as `ask` raised it.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _answer(writer, ask)
    os.close(writer)
    try:
        content = _read(reader, time.monotonic() + timeout_sec)
    finally:
        os.close(reader)
        _end(pid)
    if content is None:
        raise NoAnswerError(f"did not answer within {timeout_sec:.0f} s")
    return _result(content)


def _answer(writer: int, ask: Callable[[], Any]) -> NoReturn:
    """In the child: nothing of the parent's is held, so that whoever reads its output does not wait for us."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        content = json.dumps(_asked(ask)).encode()
        while content:
            content = content[os.write(writer, content):]
    finally:
        os._exit(0)


def _asked(ask: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"value": ask()}
    except StorageError as error:
        return {"storage": [str(error.path), error.state, error.advice, error.reason]}
    except OSError as error:
        return {"errno": error.errno, "path": error.filename if isinstance(error.filename, str) else None}
    except Exception as error:
        return {"broken": f"{type(error).__name__}: {error}"}


def _result(content: bytes) -> Any:
    try:
        answer = json.loads(content)
    except ValueError:
        raise TouchlineError("the child that asked it died") from None
    if "storage" in answer:
        path, state, advice, reason = answer["storage"]
        raise StorageError(path, state, advice, reason=reason)
    if "errno" in answer:
        number = answer["errno"] or errno.EIO
        raise OSError(number, os.strerror(number), answer["path"])
    if "broken" in answer:
        raise TouchlineError(answer["broken"])
    return answer["value"]


def _read(reader: int, deadline: float) -> bytes | None:
    """All that the child says; None when it says nothing in time."""
    content = b""
    while True:
        ready, _, _ = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return None
        block = os.read(reader, 1 << 16)
        if not block:
            return content
        content += block


def _end(pid: int) -> None:
    """Kill the child; one that hangs in the kernel is not waited for."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + _END_SEC
    while os.waitpid(pid, os.WNOHANG) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
