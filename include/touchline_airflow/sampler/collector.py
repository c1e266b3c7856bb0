"""How does the sampler go on when one of its collectors fails or hangs? Each one is its own thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

HUNG_AFTER_SEC = 60.0

log = logging.getLogger(__name__)


class Collector:
    """Calls `sample` again and again in a thread; the log says when something goes wrong, and when that is over.

    A thread, because whoever asks a dead NFS server is held inside the kernel: such a collector is left behind there.
    """

    def __init__(self, name: str, sample: Callable[[], None]) -> None:
        self.name = name
        self._sample = sample
        self._begun: float | None = None
        self._troubles: set[type[Exception]] = set()
        self._hangs = False

    def start(self, every_sec: float, ended: threading.Event) -> None:
        """Begin, until `ended` is set."""
        threading.Thread(target=self._go_on, args=(every_sec, ended), name=self.name, daemon=True).start()

    def once(self) -> None:
        """One sample; never raises."""
        self._begun = time.monotonic()
        try:
            self._sample()
        except Exception as error:  # whatever it is, the next sample may succeed, and the log has it
            if type(error) not in self._troubles:
                log.warning("%s: not sampled: %s", self.name, " ".join(str(error).split()) or type(error).__name__)
            self._troubles.add(type(error))
        else:
            if self._troubles:
                log.info("%s: sampled again", self.name)
            self._troubles.clear()
        finally:
            self._begun = None

    def look(self) -> None:
        """Say when a sample does not come to its end, and when it did."""
        begun = self._begun
        hangs = begun is not None and time.monotonic() - begun > HUNG_AFTER_SEC
        if hangs and not self._hangs:
            log.warning("%s: no answer for %.0f s", self.name, HUNG_AFTER_SEC)
        if self._hangs and not hangs:
            log.info("%s: answers again", self.name)
        self._hangs = hangs

    def _go_on(self, every_sec: float, ended: threading.Event) -> None:
        self.once()
        while not ended.wait(every_sec):
            self.once()
