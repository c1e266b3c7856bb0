"""How does a step end when it is told to, and when nobody is left who wants its work?

On SIGTERM it leaves through its `finally` blocks: temporary files are removed and ffmpeg is ended. In a container stdin
is a lifeline: the task that started the step holds its other end, and the step ends as on SIGTERM when that closes,
however the task died.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

VARIABLE = "TOUCHLINE_LIFELINE"
EXIT_TERMINATED = 128 + signal.SIGTERM
GRACE_SEC = 2.0


@contextmanager
def orderly_end(environ: Mapping[str, str] | None = None) -> Iterator[None]:
    """Inside the block SIGTERM raises SystemExit(143); with TOUCHLINE_LIFELINE=stdin the end of stdin does so too.

    What has not ended two seconds after its lifeline closed is ended at once.
    """
    environ = os.environ if environ is None else environ
    before = signal.signal(signal.SIGTERM, _leave)
    if environ.get(VARIABLE) == "stdin":
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(_number: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not cut the first one's cleaning short
    sys.exit(EXIT_TERMINATED)


def _end_with_stdin() -> None:
    try:
        while os.read(sys.stdin.fileno(), 4096):
            pass
    except (OSError, ValueError):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SEC)
    os._exit(EXIT_TERMINATED)
