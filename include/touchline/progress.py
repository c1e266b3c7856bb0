"""How far is a step? Steps report here; who runs them decides how it is shown."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Reporter = Callable[[str, str, float], None]
_LINE_EVERY_S = 5.0


class LineReporter:
    """A line on stderr every few seconds and at the end of a part, for task logs: "spot_chunk chunk-0003 45 %"."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, step: str, part: str, fraction: float) -> None:
        """Receive a report; most of them print nothing."""
        now = time.monotonic()
        if fraction < 1 and now - self._last < _LINE_EVERY_S:
            return
        self._last = now
        print(f"{step} {part} {fraction:.0%}".replace("  ", " "), file=sys.stderr, flush=True)


_reporter: Reporter = LineReporter()


def report(step: str, fraction: float, part: str = "") -> None:
    """Say that `part` of `step` is done to `fraction` (0…1)."""
    _reporter(step, part, min(max(fraction, 0.0), 1.0))


@contextmanager
def reporting_to(reporter: Reporter) -> Iterator[None]:
    """Send all reports to `reporter` inside the `with` block."""
    global _reporter  # noqa: PLW0603 - one process shows progress in one place
    before, _reporter = _reporter, reporter
    try:
        yield
    finally:
        _reporter = before
