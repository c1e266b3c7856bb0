"""Which place does a picture have in its batch? One that its number alone gives it, so that results repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TypeVar

Item = TypeVar("Item")


def placed(items: Iterable[Item], number_of: Callable[[Item], int], size: int) -> Iterator[list[Item | None]]:
    """Group items of ascending numbers into batches of `size`.

    Number n has place n modulo `size` in its batch; None stands where none is.
    """
    for _, group in groupby(items, lambda item: number_of(item) // size):
        batch: list[Item | None] = [None] * size
        for item in group:
            batch[number_of(item) % size] = item
        yield batch
