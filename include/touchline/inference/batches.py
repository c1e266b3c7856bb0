"""How many pictures at once? What if the memory of the device is too small for them?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from tqdm import tqdm

from touchline.errors import ModelError
from touchline.inference.torchvision_nms import torch

Item = TypeVar("Item")
Answer = TypeVar("Answer")

CPU = torch.device("cpu")
MEMORY_WORDS = ("out of memory", "can't allocate memory", "failed to allocate", "alloc_failed", "insufficient memory")
"""How torch, cuDNN, cuBLAS, onnxruntime and OpenCV say that memory is short, in lower case."""


def say(text: str) -> None:
    """A line for people on stderr, above the progress bar where there is one."""
    tqdm.write(text, file=sys.stderr)
    sys.stderr.flush()


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
