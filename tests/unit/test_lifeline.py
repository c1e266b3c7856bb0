"""A step that is told to end leaves through its `finally` blocks, and a lifeline that closes tells it so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

STEP = """
import signal, sys, time
from touchline.lifeline import orderly_end
with orderly_end():
    try:
        {before}
        print("at work", flush=True)
        {work}
    finally:
        print("cleaned", flush=True)
"""


def start(work: str, before: str = "pass", **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", STEP.format(before=before, work=work)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True,
                            env={**os.environ, **environ})


def at_work(step: subprocess.Popen[str]) -> subprocess.Popen[str]:
    assert step.stdout and step.stdout.readline() == "at work\n"
    return step


def test_sigterm_ends_a_step_orderly() -> None:
    step = at_work(start("time.sleep(60)"))
    step.terminate()
    assert step.communicate(timeout=10)[0] == "cleaned\n"
    assert step.returncode == 143


def test_a_second_sigterm_does_not_cut_the_cleaning_short() -> None:
    step = at_work(start("""
        try: print("ready", flush=True); time.sleep(60)
        finally: print("cleaning", flush=True); time.sleep(0.5)""".strip()))
    assert step.stdout and step.stdout.readline() == "ready\n"
    step.terminate()
    assert step.stdout.readline() == "cleaning\n"
    step.terminate()
    assert step.communicate(timeout=10)[0] == "cleaned\n"


def test_a_step_ends_orderly_when_its_lifeline_closes() -> None:
    step = at_work(start("time.sleep(60)", TOUCHLINE_LIFELINE="stdin"))
    assert step.stdin
    step.stdin.write("whatever is said\n")
    assert step.communicate(timeout=10)[0] == "cleaned\n"
    assert step.returncode == 143


def test_a_step_that_cannot_end_orderly_is_ended_all_the_same() -> None:
    step = at_work(start("time.sleep(60)", before="signal.signal(signal.SIGTERM, signal.SIG_IGN)",
                         TOUCHLINE_LIFELINE="stdin"))
    assert step.communicate(timeout=10)[0] == ""
    assert step.returncode == 143


@pytest.mark.parametrize("value", ["", "no"])
def test_without_a_lifeline_stdin_may_end(value: str) -> None:
    step = at_work(start("time.sleep(0.5)", TOUCHLINE_LIFELINE=value))
    assert step.communicate(timeout=10)[0] == "cleaned\n"
    assert step.returncode == 0


def test_the_handler_of_the_caller_is_put_back() -> None:
    from touchline.lifeline import orderly_end

    before = signal.getsignal(signal.SIGTERM)
    with orderly_end({}):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
