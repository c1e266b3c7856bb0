"""Run one `touchline` command to its end: what did it say, and what did it take?"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from touchline.errors import TouchlineError
from touchline_airflow.checkout import python_path
from touchline_deploy.embedded.process_tree import dies_with_parent

TOUCHLINE = (sys.executable, "-m", "touchline.cli")


@dataclass(frozen=True, slots=True)
class Done:
    """The last line of a command's output; seconds by the clock and of processors; the largest peak of one process."""

    last_line: str
    wall_s: float
    cpu_s: float
    memory_mib: float


def run_touchline(argv: Sequence[str | Path], settings: Mapping[str, str], log: Path) -> Done:
    """Run it with these settings over those of the environment; its output goes to the end of `log`.

    Raises:
        TouchlineError: it failed; the message names the log.
    """
    environ = {**os.environ, **settings, "PYTHONPATH": python_path(os.environ)}
    started = time.monotonic()
    with log.open("a+b") as output:
        before = output.seek(0, os.SEEK_END)
        process = subprocess.Popen([*TOUCHLINE, *map(str, argv)], env=environ, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=output, preexec_fn=dies_with_parent(signal.SIGTERM))
        # Children that it has waited for are in the kernel's count: ffmpeg's work, and the larger peak of both. What
        # this process holds when it forks counts as a peak too: it has to be smaller than what it measures.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(before)
        lines = output.read().decode(errors="replace").strip().splitlines()
    if process.returncode != 0:
        raise TouchlineError(f"touchline {argv[0]} ended with exit code {process.returncode}: read {log}")
    return Done(lines[-1] if lines else "", round(time.monotonic() - started, 2),
                round(usage.ru_utime + usage.ru_stime, 2), round(usage.ru_maxrss / 1024, 1))
