"""On which device do the models run, and what if its memory is too small?"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from tqdm import tqdm

from touchline.domain.layout import gpu_leases
from touchline.errors import ModelError
from touchline.inference.torchvision_nms import torch
from touchline.settings import Settings

Item = TypeVar("Item")
Answer = TypeVar("Answer")

CPU = torch.device("cpu")
LEASE_POLL_S = 1.0
MEMORY_WORDS = ("out of memory", "can't allocate memory", "failed to allocate", "alloc_failed", "insufficient memory")
"""How torch, cuDNN, cuBLAS, onnxruntime and OpenCV say that memory is short, in lower case."""


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


def say(text: str) -> None:
    """A line for people on stderr, above the progress bar where there is one."""
    tqdm.write(text, file=sys.stderr)
    sys.stderr.flush()


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
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
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


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error of torch or of a library beside it says that memory is short."""
    known = isinstance(error, (MemoryError, torch.OutOfMemoryError))
    return known or any(words in str(error).lower() for words in MEMORY_WORDS)


class Batches:
    """Runs a model over batches; when memory is short the batch is halved, and in the end the CPU is used.

    `size` is the current batch size, `device` the current device. `move(device)` brings the model there; it is called
    at once, and again where the CPU takes over.
    """

    def __init__(self, size: int, device: torch.device, move: Callable[[torch.device], None], *,
                 cpu_allowed: bool) -> None:
        self.size = size
        self.device = device
        self._move = move
        self._cpu_allowed = cpu_allowed
        self._full_size = size
        self._bring()

    def run(self, model: Callable[[Sequence[Item]], list[Answer]], items: Sequence[Item]) -> list[Answer]:
        """Answers for all items in order.

        Raises:
            ModelError: one item alone does not fit, and there is nowhere else to go: the device is the CPU, or the CPU
                is not allowed (USE_GPU=true).
        """
        answers: list[Answer] = []
        while len(answers) < len(items):
            batch = items[len(answers) : len(answers) + self.size]
            if not self._fits(lambda some: answers.extend(model(some)), batch):
                self._shrink()
        return answers

    def _bring(self) -> None:
        while not self._fits(self._move, self.device):
            self._leave()

    def _shrink(self) -> None:
        if self.size > 1:
            self.size //= 2
            say(f"out of memory on {self.device}: going on with batches of {self.size}")
        else:
            self._leave()
            self._bring()

    def _leave(self) -> None:
        """Choose the CPU instead of the device; give up where that is not allowed."""
        if self.device.type == "cpu":
            raise ModelError("the model does not fit into this machine's memory, one picture at a time: "
                             "give the worker more memory, or use a smaller model")
        if not self._cpu_allowed:
            raise ModelError(f"the model does not fit into the memory of {self.device}, one picture at a time: "
                             "use a smaller model, or set USE_GPU=auto so that the CPU may take over")
        say(f"out of memory on {self.device} even alone: going on on the CPU")
        self.device, self.size = CPU, self._full_size

    def _fits(self, work: Callable[[Item], None], item: Item) -> bool:
        """Do some work; False when memory was short. The error is gone by then, and with it what it kept alive."""
        try:
            work(item)
            return True
        except Exception as error:
            if not is_out_of_memory(error):
                raise
        torch.cuda.empty_cache()
        return False
