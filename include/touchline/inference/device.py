"""On which device do the models run, and what if its memory is too small?"""

from __future__ import annotations

import contextlib
import fcntl
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from touchline.errors import ModelError
from touchline.inference.torchvision_operators import torch
from touchline.settings import Settings

Item = TypeVar("Item")
Answer = TypeVar("Answer")

CPU = torch.device("cpu")
LEASE_POLL_S = 1.0


def available_gpus() -> int:
    """How many GPUs torch can use."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


@contextlib.contextmanager
def leased_device(settings: Settings) -> Iterator[torch.device]:
    """Choose the device for this process; a GPU is leased until the block ends.

    With several GPUs every process takes one that no other process of this host has, and waits until one is free.

    Raises:
        ModelError: USE_GPU=true, but torch sees no GPU.
    """
    gpus = available_gpus() if settings.wants_gpu else 0
    if settings.use_gpu == "true" and not gpus:
        raise ModelError("USE_GPU=true, but torch sees no GPU: give the worker one, or set USE_GPU=auto or false")
    repeat_exactly(settings.max_workers)
    if not gpus:
        yield CPU
    elif gpus == 1:
        yield torch.device("cuda:0")
    else:
        with _lease(settings.scratch_dir / "gpu-leases", gpus) as index:
            yield torch.device(f"cuda:{index}")


def repeat_exactly(threads: int) -> None:
    """Fix what would make two runs differ: thread count, choice of algorithms, reduced precision."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


@contextlib.contextmanager
def _lease(folder: Path, gpus: int) -> Iterator[int]:
    """Hold the lock file of one GPU; the kernel frees it when the process ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    waiting = False
    while True:
        for index in range(gpus):
            handle = (folder / f"gpu-{index}.lock").open("w")
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.close()
                continue
            with handle:
                yield index
            return
        if not waiting:
            print(f"all {gpus} GPUs are leased: waiting for one", file=sys.stderr, flush=True)
            waiting = True
        time.sleep(LEASE_POLL_S)


class Batches:
    """Runs a model over batches; when memory is short the batch is halved, and at last the CPU is taken.

    `size` is the current batch size, `device` the current device. A model is moved with `move(device)`.
    """

    def __init__(self, size: int, device: torch.device, move: Callable[[torch.device], None], *,
                 cpu_allowed: bool) -> None:
        self.size = size
        self.device = device
        self._move = move
        self._cpu_allowed = cpu_allowed
        self._full_size = size

    def run(self, model: Callable[[Sequence[Item]], list[Answer]], items: Sequence[Item]) -> list[Answer]:
        """Answers for all items in order.

        Raises:
            ModelError: one item alone does not fit, and the CPU is not allowed (USE_GPU=true).
        """
        answers: list[Answer] = []
        while len(answers) < len(items):
            try:
                answers += model(items[len(answers) : len(answers) + self.size])
            except torch.OutOfMemoryError:
                self._shrink()
        return answers

    def _shrink(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self.size > 1:
            self.size //= 2
            print(f"out of memory on {self.device}: going on with batches of {self.size}", file=sys.stderr, flush=True)
        elif self.device.type != "cpu" and self._cpu_allowed:
            print(f"out of memory on {self.device} even alone: going on on the CPU", file=sys.stderr, flush=True)
            self.device, self.size = CPU, self._full_size
            self._move(CPU)
        else:
            raise ModelError(f"the model does not fit into the memory of {self.device}, one picture at a time: "
                             "use a smaller model, or set USE_GPU=auto so that the CPU may take over")
