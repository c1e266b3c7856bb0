"""A question to a mount comes back with its answer, its error, or in time."""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path

import pytest

from touchline.errors import StorageError, TouchlineError
from touchline.nas.bounded import NoAnswerError, answer_within


def test_the_answer_comes_back():
    assert answer_within(10, lambda: {"real": "/nas", "free": 12}) == {"real": "/nas", "free": 12}


def test_a_long_answer_comes_back():
    assert len(answer_within(10, lambda: "x" * 1_000_000)) == 1_000_000


def test_an_error_of_the_system_comes_back_as_it_was(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as found:
        answer_within(10, lambda: os.stat(tmp_path / "gone").st_size)
    assert (found.value.errno, found.value.filename) == (errno.ENOENT, str(tmp_path / "gone"))


def test_an_error_of_ours_comes_back_as_it_was():
    def ask():
        raise StorageError(Path("/out"), "is full", "free some space", reason="0 MB")

    with pytest.raises(StorageError) as found:
        answer_within(10, ask)
    assert (found.value.state, found.value.advice, found.value.reason) == ("is full", "free some space", "0 MB")


def test_what_does_not_answer_is_given_up_in_time():
    started = time.monotonic()
    with pytest.raises(NoAnswerError, match="did not answer within 1 s"):
        answer_within(1, lambda: time.sleep(60))
    assert time.monotonic() - started < 5


def test_a_child_that_dies_is_told():
    with pytest.raises(TouchlineError, match="died"):
        answer_within(10, lambda: os.kill(os.getpid(), signal.SIGKILL))


def test_no_child_is_left():
    before = children()
    answer_within(10, lambda: 1)
    with pytest.raises(NoAnswerError):
        answer_within(0.2, lambda: time.sleep(60))
    assert children() == before


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
