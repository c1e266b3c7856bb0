"""How does a test wait for what it cannot hurry?"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE_SEC = 400
Found = TypeVar("Found")


def wait_for(what: str, look: Callable[[], Found | None], timeout_sec: float = PATIENCE_SEC,
             poll_sec: float = 0.2) -> Found:
    """The first answer that is something; the message says what never came."""
    deadline = time.monotonic() + timeout_sec
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not in {timeout_sec:.0f} s"
        time.sleep(poll_sec)
    return found
