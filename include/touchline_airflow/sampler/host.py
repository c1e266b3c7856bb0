"""How is this machine: its processor, memory, GPUs, disks, and what it sees of the NAS?"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from touchline.domain.layout import HostFiles
from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow.metrics.metric import Gauge
from touchline_airflow.metrics.table import (
    CPU_USE,
    DISK,
    DISK_FREE,
    GPU_MEMORY,
    GPU_MEMORY_USED,
    GPU_USE,
    MEMORY,
    MEMORY_USED,
    NAS_LATENCY,
    NAS_READ,
    NAS_UP,
    NAS_WRITE,
    SAMPLED,
)
from touchline_airflow.sampler.collector import HUNG_AFTER_SEC, Collector

NAS_FOLDERS = ("nas_mount_path", "nas_output_path")
FRESH_SEC = 2 * 3600.0
"""The DAG check_nas runs every hour; older figures are not sent."""
FIRST_LOOK_SEC = 0.5
"""The use of the processor is that since the last look; the first time we watch for this long."""
_ASKED_OF_GPUS = ("index", "utilization.gpu", "memory.used", "memory.total")
_GPU_SEC = 10
_MIB = 1 << 20


def collectors(host: str, settings: Settings, backup_dir: Path | None = None) -> list[Collector]:
    """What is sampled on every machine; the disk of the backups on the main one, which makes them."""
    folders = {name: Path(getattr(settings, name)) for name in (*NAS_FOLDERS, "working_dir", "scratch_dir")}
    if backup_dir:
        folders["backup_dir"] = backup_dir
    mounts = [Mount(host, name, folder) for name, folder in folders.items()]
    nas = [mount for mount in mounts if mount.setting in NAS_FOLDERS]
    gpus = [Collector("the GPUs", partial(sample_gpus, host))] if shutil.which("nvidia-smi") else []
    return [Collector("this machine", Machine(host).sample), *gpus,
            Collector("the NAS", partial(sample_nas, host, settings, nas)),
            *(Collector(f"the disk of {mount.setting.upper()}={mount.folder}", mount.sample) for mount in mounts)]


class Machine:
    """The machine itself."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._watch_sec: float | None = FIRST_LOOK_SEC

    def sample(self) -> None:
        """Processor since the last sample, memory, and that we are here."""
        CPU_USE.set(psutil.cpu_percent(self._watch_sec), host=self._host)
        self._watch_sec = None
        memory = psutil.virtual_memory()
        MEMORY_USED.set(memory.total - memory.available, host=self._host)
        MEMORY.set(memory.total, host=self._host)
        SAMPLED.set(round(time.time()), host=self._host)


class Mount:
    """One of our folders, and when its disk answered last."""

    def __init__(self, host: str, setting: str, folder: Path) -> None:
        self.setting, self.folder = setting, folder
        self._host = host
        self._answered_at = time.monotonic()
        self._answers = True

    @property
    def answers(self) -> bool:
        """Whether the last answer was good and did not take too long."""
        return self._answers and time.monotonic() - self._answered_at < HUNG_AFTER_SEC

    def sample(self) -> None:
        """Space; a dead server holds us here."""
        try:
            usage = shutil.disk_usage(self.folder)
        except OSError:
            self._answers = False
            raise
        self._answers, self._answered_at = True, time.monotonic()
        DISK_FREE.set(usage.free, host=self._host, mount=self.setting)
        DISK.set(usage.total, host=self._host, mount=self.setting)


def sample_nas(host: str, settings: Settings, mounts: Iterable[Mount]) -> None:
    """What the last `check-nas` of this machine found, and whether the NAS answers now."""
    found = _last_check(host, settings)
    NAS_UP.set(int(found.get("state") != "FAIL" and all(mount.answers for mount in mounts)), host=host)
    figures = found.get("figures", {})
    for name, gauge, factor in (("open_ms", NAS_LATENCY, 1e-3), ("read_mb_s", NAS_READ, 1e6),
                                ("write_mb_s", NAS_WRITE, 1e6)):
        if name in figures:
            gauge.set(round(figures[name] * factor, 6), host=host)


def _last_check(host: str, settings: Settings) -> dict[str, Any]:
    """Empty where there was none for a long time, or where a clock that ran ahead dated it in the future."""
    try:
        found = dict(json.loads(HostFiles(settings.working_dir, host).nas.read_bytes()))
    except FileNotFoundError:
        return {}
    return found if abs(time.time() - found["measured_at_ms"] / 1000) < FRESH_SEC else {}


def sample_gpus(host: str) -> None:
    """Use and memory of each GPU.

    Raises:
        TouchlineError: nvidia-smi does not answer, or says that something is wrong.
    """
    argv = ["nvidia-smi", f"--query-gpu={','.join(_ASKED_OF_GPUS)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_GPU_SEC, check=False)
    except subprocess.TimeoutExpired:
        raise TouchlineError(f"nvidia-smi gave no answer within {_GPU_SEC} s") from None
    if done.returncode:
        raise TouchlineError(f"nvidia-smi: {(done.stdout + done.stderr).strip() or f'exit code {done.returncode}'}")
    for line in done.stdout.splitlines():
        gpu, use, used_mib, all_mib = (word.strip() for word in line.split(","))
        _set_if_told(GPU_USE, use, 1, host, gpu)
        _set_if_told(GPU_MEMORY_USED, used_mib, _MIB, host, gpu)
        _set_if_told(GPU_MEMORY, all_mib, _MIB, host, gpu)


def _set_if_told(gauge: Gauge, word: str, factor: int, host: str, gpu: str) -> None:
    """A GPU that is cut into slices says "[N/A]"."""
    if word.isdigit():
        gauge.set(int(word) * factor, host=host, gpu=gpu)
