"""Does a step that runs have to end? When touchline was halted, or it gives no sign of life."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from touchline_airflow.hold.hold import Hold, hold

LOOK_EVERY_SEC = 2.0


class Watcher:
    """Looks at the hold every two seconds beside a step, in a thread; `end` is called at most once.

    :param silent_sec: a step that has said nothing for this long is ended as well; 0: never.
    """

    def __init__(self, working_dir: Path, silent_sec: float, end: Callable[[], None],
                 look_every_sec: float = LOOK_EVERY_SEC) -> None:
        self.halt: Hold | None = None
        self.was_silent = False
        self._working_dir = working_dir
        self._silent_sec = silent_sec
        self._end = end
        self._look_every_sec = look_every_sec
        self._heard_at = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def heard(self) -> None:
        """The step has said something."""
        self._heard_at = time.monotonic()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def must_end(self) -> bool:
        """Whether the step was told to end, or will be at once."""
        return self.halt is not None or self.was_silent

    def _watch(self) -> None:
        while not self._over.wait(self._look_every_sec):
            with suppress(OSError):  # a folder that is away: what needs it says so
                found = hold(self._working_dir)
                self.halt = found if found and found.kind == "halt" else None
            self.was_silent = bool(self._silent_sec and time.monotonic() - self._heard_at > self._silent_sec)
            if self.must_end:
                self._end()
                return
