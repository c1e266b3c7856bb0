"""Mounts that stand for a NAS: a disk of its own, a slow one, one that misbehaves; takes root."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.mounts import is_mounted, mounted, unmount

SYSTEM_PYTHON = "/usr/bin/python3"
UNWELL_NAS = Path(__file__).with_name("unwell_nas.py")
CGROUPS = Path("/sys/fs/cgroup")


@contextmanager
def disk(folder: Path, megabytes: int, *options: str) -> Iterator[Path]:
    """Mount an ext4 disk of its own (a loop device) on the folder; skips where that cannot be done."""
    folder.mkdir(parents=True, exist_ok=True)
    image = folder.with_name(f"{folder.name}.img")
    with image.open("wb") as handle:
        handle.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", image], check=True, capture_output=True)
    try:
        with mounted(folder, "-o", ",".join(("loop", *options)), image):
            yield folder
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no loop device can be mounted here (root that may mount is needed): {error.stderr}")
    finally:
        image.unlink(missing_ok=True)


def device_of(folder: Path) -> str:
    """"7:0", the disk below a folder."""
    number = folder.stat().st_dev
    return f"{os.major(number)}:{os.minor(number)}"


def bytes_read(folder: Path) -> int:
    """Bytes that were ever read from the disk below a folder."""
    return int((Path("/sys/dev/block") / device_of(folder) / "stat").read_text().split()[2]) * 512


@contextmanager
def throttled(folder: Path, mb_s: float) -> Iterator[Path]:
    """A control group whose processes read and write the folder's disk at this rate; skips where there is none."""
    rate = str(round(mb_s * 1_000_000))
    is_old = (CGROUPS / "blkio" / "blkio.throttle.read_bps_device").exists()
    group = (CGROUPS / "blkio" if is_old else CGROUPS) / f"touchline-{secrets.token_hex(4)}"
    try:
        group.mkdir()
        if is_old:
            for limit in ("read", "write"):
                (group / f"blkio.throttle.{limit}_bps_device").write_text(f"{device_of(folder)} {rate}")
        else:
            (group / "io.max").write_text(f"{device_of(folder)} rbps={rate} wbps={rate}")
    except OSError as error:
        with suppress(OSError):
            group.rmdir()
        pytest.skip(f"no control group can limit a disk here: {error}")
    try:
        yield group
    finally:
        for _ in range(50):
            with suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.1)


def in_group(group: Path) -> tuple[str, ...]:
    """What stands before a command that runs in a control group."""
    return ("sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh")


@dataclass
class UnwellNas:
    """A running `unwell_nas.py`."""

    folder: Path
    control: Path
    process: subprocess.Popen[bytes]

    def turn(self, state: str) -> None:
        """Say how it is from now on."""
        other = self.control.with_suffix(".new")
        other.write_text(state)
        other.replace(self.control)

    def die(self) -> None:
        """What is mounted answers ENOTCONN from now on."""
        self.process.kill()
        self.process.wait()


@contextmanager
def unwell_nas(source: Path, folder: Path) -> Iterator[UnwellNas]:
    """Mount `source` on `folder` through a file system that misbehaves on demand; skips where FUSE is missing."""
    control = folder.with_name(f"{folder.name}.control")
    control.write_text("well")
    folder.mkdir(exist_ok=True)
    process = subprocess.Popen([SYSTEM_PYTHON, UNWELL_NAS, source, folder, control], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    nas = UnwellNas(folder, control, process)
    try:
        while not is_mounted(folder):
            if process.poll() is not None:
                said = (process.stderr.read() if process.stderr else b"").decode().strip().splitlines()
                pytest.skip(f"no FUSE file system here (python3-fusepy, libfuse2, root): {said[-1:]}")
            time.sleep(0.02)
        yield nas
    finally:
        nas.turn("well")
        while is_mounted(folder):
            unmount(folder)
        process.kill()
        process.wait()
