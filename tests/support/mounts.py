"""Disks and folders that are mounted for a while, small and full ones too; takes root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TMPFS = ("-t", "tmpfs", "none")


def mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *map(str, arguments)], check=True, capture_output=True)


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", folder], check=True, capture_output=True)


def is_mounted(folder: Path) -> bool:
    """Also for a bind mount, which `Path.is_mount` does not see."""
    return any(line.split()[4] == str(folder) for line in Path("/proc/self/mountinfo").read_text().splitlines())


@contextmanager
def mounted(folder: Path, *arguments: str | Path) -> Iterator[None]:
    mount(*arguments, folder)
    try:
        yield
    finally:
        while is_mounted(folder):
            unmount(folder)


def skip_without_mounts(folder: Path) -> None:
    """Skip the test where nothing can be mounted; the folder is as before."""
    try:
        with mounted(folder, *TMPFS):
            pass
    except subprocess.CalledProcessError as error:
        pytest.skip(f"mounts cannot be made here (root in a container that may mount is needed): {error.stderr}")


def fill(folder: Path, leave_bytes: int = 0) -> Path:
    """Write a file that takes all the space but `leave_bytes`."""
    filler = folder / "filler"
    disk = os.statvfs(folder)
    with filler.open("wb") as handle:
        os.posix_fallocate(handle.fileno(), 0, disk.f_bavail * disk.f_frsize - leave_bytes)
    return filler


def used_bytes(folder: Path) -> int:
    disk = os.statvfs(folder)
    return (disk.f_blocks - disk.f_bfree) * disk.f_frsize
