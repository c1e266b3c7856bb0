"""Names of machines, and the queues that reach them."""

from __future__ import annotations

import socket

import pytest

from touchline.errors import SettingError
from touchline_airflow.hosts import hosts, queue_of, this_host


def test_one_machine_has_no_queue_of_its_own() -> None:
    assert hosts({}) == hosts({"TOUCHLINE_HOSTS": " , "}) == ()


def test_the_main_machine_comes_first() -> None:
    assert hosts({"TOUCHLINE_HOSTS": "main, gpu-1"}) == ("main", "gpu-1")
    assert queue_of("gpu-1") == "host-gpu-1"


@pytest.mark.parametrize("text", ["Main", "a b", "a,a", "../x", "-x", "x" * 32])
def test_a_name_that_cannot_be_one_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="TOUCHLINE_HOSTS"):
        hosts({"TOUCHLINE_HOSTS": text})


def test_this_machine_has_a_name_in_any_case() -> None:
    assert this_host({"TOUCHLINE_HOST": "gpu-1"}) == "gpu-1"
    assert this_host({}) == socket.gethostname()
