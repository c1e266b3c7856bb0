"""How much memory and disk does a command take while it runs?"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

EVERY_S = 0.25


@dataclass(frozen=True)
class Cost:
    """What a command took. `memory_mib`: the largest peak of one process; `scratch_mib`: the fullest moment."""

    wall_s: float
    memory_mib: float
    memory_of: str
    scratch_mib: float


def run_watched(argv: list[str], environ: Mapping[str, str], scratch: Path, log: Path) -> Cost:
    """Run a command to its end and watch it and its descendants.

    Raises:
        RuntimeError: it failed; its output is in `log`.
    """
    started = time.monotonic()
    peaks: dict[str, float] = {}
    fullest = 0.0
    with log.open("wb") as output:
        process = subprocess.Popen(argv, env=dict(environ), stdout=output, stderr=output)
        while process.poll() is None:
            for pid in [process.pid, *descendants(process.pid)]:
                name, peak = peak_memory(pid)
                peaks[name] = max(peaks.get(name, 0.0), peak)
            fullest = max(fullest, folder_mib(scratch))
            time.sleep(EVERY_S)
    if process.returncode != 0:
        raise RuntimeError(f"{argv[0]} ended with exit code {process.returncode}: read {log}")
    largest = max(peaks, key=lambda name: peaks[name])
    return Cost(time.monotonic() - started, peaks[largest], largest, fullest)


def descendants(pid: int) -> list[int]:
    """Children and their children, as they are now."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return [*found, *(one for child in found for one in descendants(child))]


def peak_memory(pid: int) -> tuple[str, float]:
    """Name of a process and its highest resident memory so far, in MiB (the kernel's own mark)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return "gone", 0.0
    values = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return values.get("Name", "?").strip(), int(values.get("VmHWM", "0 kB").split()[0]) / 1024


def folder_mib(folder: Path) -> float:
    """What the files of a folder take on disk."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.lstat().st_blocks * 512
    return total / 2**20
