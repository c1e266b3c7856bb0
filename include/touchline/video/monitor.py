"""What does ffmpeg say on stderr while it decodes? Frame times (filter `showinfo`), and messages with a level."""

from __future__ import annotations

import re
import threading

LOG_OPTIONS = {"hide_banner": None, "nostats": None, "loglevel": "level+info"}
"""Options under which ffmpeg names each line's level and prints frame times."""

_FRAME = re.compile(r"Parsed_showinfo_\d+ @ \w+\] \[info\] n:\s*\d+ pts:\s*(-?\d+)")
_LEVEL = re.compile(r"\[(warning|error|fatal|panic)\]")
_KEPT_MESSAGES = 50


class FrameMonitor:
    """Reads ffmpeg's stderr line by line: first and last frame time in the unit of the graph, and its messages.

    `messages` holds (time of the last frame seen before, or None; the line) for errors, at most 50.
    """

    def __init__(self) -> None:
        self.first_pts: int | None = None
        self.last_pts: int | None = None
        self.messages: list[tuple[int | None, str]] = []
        self._seen = threading.Event()

    def __call__(self, line: str) -> None:
        """Take one line (called from the thread that reads stderr)."""
        if match := _FRAME.search(line):
            pts = int(match[1])
            if self.first_pts is None or self.last_pts is None:
                self.first_pts = self.last_pts = pts
                self._seen.set()
            self.last_pts = max(self.last_pts, pts)
            return
        level = _LEVEL.search(line)
        if level and level[1] != "warning" and len(self.messages) < _KEPT_MESSAGES:
            self.messages.append((self.last_pts, line))

    def wait_for_first(self, wait_s: float = 5.0) -> int | None:
        """The time of the first frame; waits for the line, which may arrive after the frame itself."""
        self._seen.wait(wait_s)
        return self.first_pts
