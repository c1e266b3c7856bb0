"""On which device do the models run? Of several GPUs each process leases one."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from touchline.alone import take
from touchline.domain.layout import gpu_leases
from touchline.errors import ModelError
from touchline.inference.batches import CPU, say
from touchline.inference.torchvision_nms import torch
from touchline.settings import Settings

LEASE_POLL_S = 1.0


@dataclass(frozen=True)
class Gpu:
    """A GPU as torch counts them, and what tells it from all others whatever CUDA_VISIBLE_DEVICES says."""

    index: int
    name: str
    uuid: str


def available_gpus() -> list[Gpu]:
    """The GPUs that torch can use."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    found = [torch.cuda.get_device_properties(index) for index in range(count)]
    return [Gpu(index, one.name, str(one.uuid)) for index, one in enumerate(found)]


@contextlib.contextmanager
def leased_device(settings: Settings) -> Iterator[torch.device]:
    """Choose the device for this process and say which; of several GPUs one is leased until the block ends.

    With several GPUs every process takes one that no other process of this host has, and waits until one is free. A
    single GPU is shared: how many processes use it is up to the pool.

    Raises:
        ModelError: USE_GPU=true, but torch sees no GPU.
    """
    gpus = available_gpus() if settings.wants_gpu else []
    if settings.use_gpu == "true" and not gpus:
        raise ModelError("USE_GPU=true, but torch sees no GPU: give the worker one, or set USE_GPU=auto or false")
    repeat_exactly(settings.max_workers)
    if not gpus:
        say(f"runs on the CPU: {'no GPU is there' if settings.wants_gpu else 'USE_GPU=false'}")
        yield CPU
    elif len(gpus) == 1:
        say(f"runs on the only GPU, {gpus[0].name}")
        yield torch.device("cuda:0")
    else:
        with _lease(gpu_leases(settings.scratch_dir), gpus) as gpu:
            say(f"leased GPU {gpu.index} of {len(gpus)}, {gpu.name}")
            yield torch.device(f"cuda:{gpu.index}")


def repeat_exactly(threads: int) -> None:
    """Fix what would make two runs differ: thread count, choice of algorithms, reduced precision."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


@contextlib.contextmanager
def _lease(folder: Path, gpus: Sequence[Gpu]) -> Iterator[Gpu]:
    """Hold the lock file of one GPU; the kernel frees it when the process ends, however it ends."""
    waiting = False
    while True:
        for gpu in gpus:
            with _lock_file(folder, f"gpu-{gpu.uuid}.lock") as handle:
                try:
                    take(handle, wait=False)
                except BlockingIOError:
                    continue
                yield gpu
                return
        if not waiting:
            say(f"all {len(gpus)} GPUs are leased: waiting for one")
            waiting = True
        time.sleep(LEASE_POLL_S)


def _lock_file(folder: Path, name: str) -> IO[str]:
    """Open a lock file for reading, which is enough to lock it: it may belong to another user (a container's).

    The steps of all matches write to this folder: a link or a pipe in place of a lock is replaced.
    """
    path = folder / name
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # another user was faster, and does the same
            folder.chmod(0o1777)
    if os.path.lexists(path) and not stat.S_ISREG(path.lstat().st_mode):
        path.unlink(missing_ok=True)
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL)
        os.fchmod(descriptor, 0o444)
        os.close(descriptor)
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
