"""How do decoding and inference overlap? A thread reads ahead, a few items at most."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
_END = object()


class ReadAhead(Generic[Item]):
    """Iterates over `source` in a thread that is at most `ahead` items ahead; errors of the source come out here.

    Use it in a `with` block: leaving it early stops the thread and closes the source. `waited_s` is how long the
    reader had to wait for items, `items` how many came.
    """

    def __init__(self, source: Iterable[Item], ahead: int = 8) -> None:
        self.waited_s = 0.0
        self.items = 0
        self._source = source
        self._queue: queue.Queue[object] = queue.Queue(ahead)
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._read, name="read-ahead", daemon=True)

    def __enter__(self) -> ReadAhead[Item]:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def __iter__(self) -> Iterator[Item]:
        while True:
            started = time.monotonic()
            item = self._queue.get()
            self.waited_s += time.monotonic() - started
            if item is _END:
                if self._error:
                    raise self._error
                return
            self.items += 1
            yield item  # type: ignore[misc]

    def _read(self) -> None:
        iterator = iter(self._source)
        try:
            for item in iterator:
                if not self._put(item):
                    break
        except BaseException as error:  # handed to the reader, which raises it
            self._error = error
        finally:
            close = getattr(iterator, "close", None)
            if close:
                close()
            self._put(_END)

    def _put(self, item: object) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False
