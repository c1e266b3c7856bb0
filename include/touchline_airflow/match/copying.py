"""Is this host's NAS slow, and how does a copy of the recordings go on beside a step?"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

from touchline.domain.layout import HostFiles, ScratchFiles, WorkFiles
from touchline.domain.moment import elapsed_ms
from touchline.errors import EXIT_DONE
from touchline.results.files import is_there
from touchline.results.request import load_request
from touchline.settings import Settings
from touchline_airflow.runtime.own_process import own_process
from touchline_airflow.runtime.process import Finished, StepProcess

FRESH_SEC = 2 * 3600
"""`check_nas` measures every hour."""
STALLED_SEC = 60.0
"""The copy reports every five seconds while it moves."""

Say = Callable[[str], None]


def slow_rate(settings: Settings, host: str, moment: float | None = None) -> float | None:
    """MB/s that this host read from the NAS, where that was measured lately and is below PREFETCH_BELOW_MB_S."""
    try:
        found = json.loads(HostFiles(settings.working_dir, host).nas.read_text())
        rate, measured_at_ms = float(found["figures"]["read_mb_s"]), round(found["measured_at_ms"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    age_ms = elapsed_ms(measured_at_ms, round(1000 * (time.time() if moment is None else moment)))
    return rate if age_ms < FRESH_SEC * 1000 and rate < settings.prefetch_below_mb_s else None


def has_copies(match_id: str, settings: Settings) -> bool:
    """Whether this host has a whole copy of every recording of the match."""
    scratch = ScratchFiles(settings.scratch_dir, match_id)
    return all(is_there(scratch.recording(digest)) for digest in load_request(match_id, settings).fingerprints)


class RunningCopy:
    """`touchline prefetch` beside a scan: the NAS is read once, because what one reads is in memory for the other.

    It never fails the scan: without a copy the steps read the NAS, and the log says why.
    """

    def __init__(self, match_id: str, settings: Settings, say: Say) -> None:
        self._scan = WorkFiles(settings.working_dir, match_id).scan
        self._before = _written_at(self._scan)
        self._say = say
        self._heard_at = time.monotonic()
        self._finished: Finished | None = None
        self._process: StepProcess = own_process("prefetch", match_id)
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def wait(self) -> bool:
        """Wait for the copy while it moves; returns whether it came to its end.

        It is given up when the scan found its work done: then nothing but the copy would read the recording.
        """
        if _written_at(self._scan) == self._before:
            self.kill()
            return False
        while self._thread.is_alive():
            self._thread.join(1.0)
            if time.monotonic() - self._heard_at > STALLED_SEC:
                self._say(f"The copy has not moved for {STALLED_SEC:.0f} s: it is given up")
                self.kill()
                return False
        done = self._finished
        if done and done.exit_code != EXIT_DONE:
            self._say(f"There is no copy in SCRATCH_DIR ({done.reason}): the steps read the NAS")
        return bool(done and done.exit_code == EXIT_DONE)

    def kill(self) -> None:
        """End the copy; what it wrote so far is removed by it, or by the next one."""
        self._process.kill()

    def _follow(self) -> None:
        self._finished = self._process.follow(self._hear)

    def _hear(self, line: str) -> None:
        self._heard_at = time.monotonic()
        self._say(line)


def _written_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
