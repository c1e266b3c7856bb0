"""The embedded Airflow starts, starts again quickly, and leaves nothing, however it ends."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from support.waiting import wait_for
from touchline_deploy.embedded.standalone import EmbeddedAirflow, start

pytestmark = pytest.mark.verify
SECOND_START_SEC = 60


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder that was used once."""
    state = tmp_path_factory.mktemp("standalone") / "state"
    up(state).stop()
    assert processes_below(state) == []
    return state


def up(state: Path) -> EmbeddedAirflow:
    return start(state, state.parent / "nas", state.parent / "output", port=18180)


def processes_below(state: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve().is_relative_to(state):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def listens_beyond_this_machine(pids: list[int]) -> bool:
    """Whether a process of ours listens on another address than 127.0.0.1, from /proc/net/tcp and tcp6."""
    sockets = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                sockets.add(os.readlink(link))
            except OSError:
                continue
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets and not fields[1].startswith("0100007F:"):
                return True
    return False


def test_the_second_start_is_quick_and_bound_to_this_machine(state: Path) -> None:
    started = time.monotonic()
    with up(state) as stack:
        assert time.monotonic() - started <= SECOND_START_SEC
        assert stack.api().is_healthy()
        assert not listens_beyond_this_machine(processes_below(state))
    assert processes_below(state) == []


def test_ctrl_c_ends_everything(state: Path) -> None:
    stack = up(state)
    stack.supervisor.send_signal(signal.SIGINT)
    assert stack.supervisor.wait(60) == 0
    assert processes_below(state) == []


def test_what_a_killed_supervisor_leaves_is_ended_by_the_next_start(state: Path) -> None:
    stack = up(state)
    os.kill(stack.supervisor.pid, signal.SIGKILL)
    stack.supervisor.wait()
    left = set(processes_below(state))
    with up(state):
        assert not left & set(processes_below(state))
    assert processes_below(state) == []


@pytest.mark.parametrize("part", ["api-server", "triggerer", "dag-processor", "scheduler"])
def test_a_part_that_dies_is_started_again(state: Path, part: str) -> None:
    with up(state) as stack:
        before = stack.pids()[part]
        os.kill(before, signal.SIGKILL)
        wait_for("another process", lambda: stack.pids().get(part, before) != before, 60)
        wait_for("health", lambda: stack.api().is_healthy() or None, 120)
    assert processes_below(state) == []


def test_a_second_supervisor_of_the_same_state_is_refused(state: Path) -> None:
    with up(state) as stack, pytest.raises(Exception, match="did not start"):
        up(stack.state)
