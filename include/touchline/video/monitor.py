"""What does ffmpeg say while it decodes? When each frame is presented, and what went wrong."""

from __future__ import annotations

import re
import threading

from touchline.video.log import message

_FRAME = re.compile(r"frame:\d+\s+pts:(-?\d+)\s")
_KEPT_MESSAGES = 50


def frame_pts(line: str) -> int | None:
    """The frame time in a line of the graph's frame times (see `ffmpeg_graph.told`), in the unit of the graph."""
    match = _FRAME.match(line)
    return int(match[1]) if match else None


class FrameMonitor:
    """First and last frame time in the unit of the graph, and the errors. Hears ffmpeg from other threads.

    `messages` holds (time of the last frame seen before, or None; what the error says), at most 50.
    """

    def __init__(self) -> None:
        self.first_pts: int | None = None
        self.last_pts: int | None = None
        self.messages: list[tuple[int | None, str]] = []
        self._seen = threading.Event()

    def on_frame(self, line: str) -> None:
        """Take one line of the graph's frame times."""
        pts = frame_pts(line)
        if pts is not None:
            if self.first_pts is None or self.last_pts is None:
                self.first_pts = self.last_pts = pts
                self._seen.set()
            self.last_pts = max(self.last_pts, pts)

    def on_line(self, line: str) -> None:
        """Take one line of stderr."""
        said = message(line)
        if said is not None and len(self.messages) < _KEPT_MESSAGES:
            self.messages.append((self.last_pts, said))

    def wait_for_first(self, wait_s: float = 5.0) -> int | None:
        """The time of the first frame; waits for the line, which may arrive after the frame itself."""
        self._seen.wait(wait_s)
        return self.first_pts
