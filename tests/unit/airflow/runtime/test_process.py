"""A step's lines come through, its exit code and reason are known, and nothing of it outlives its task."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from touchline.errors import INFRASTRUCTURE, RECORDING, SETTING, STOPPED, STORAGE, Failure, SettingError
from touchline_airflow.runtime.choice import chosen_runtime, decide_runtime, step_environment, touchline_path
from touchline_airflow.runtime.docker_engine import EngineError
from touchline_airflow.runtime.process import LONGEST_LINE, Finished, StepProcess

ENVIRON = dict(os.environ)
NO_ENGINE = "unix:///nobody/listens/docker.sock"


def run(script: str, lines: list[str] | None = None) -> Finished:
    return StepProcess([sys.executable, "-uc", script], ENVIRON).follow((lines if lines is not None else []).append)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_until_gone(pid: int, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while is_running(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.02)


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + 10
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.02)
    return path.read_text()


def test_lines_of_both_streams_come_through_and_the_last_of_stderr_is_the_reason() -> None:
    lines: list[str] = []
    finished = run("import sys; print('one'); print('two\\rthree', end=''); sys.stdout.flush();"
                   "print('first', file=sys.stderr); print('touchline scan: bad', file=sys.stderr); sys.exit(3)", lines)
    assert finished == Finished(3, "one\ntwo\nthree", "touchline scan: bad")
    assert sorted(lines) == sorted(["one", "two", "three", "first", "touchline scan: bad"])


@pytest.mark.parametrize(("finished", "failure"), [
    (Finished(0, "", "a warning"), None),
    (Finished(1, "", "out of memory"), Failure(INFRASTRUCTURE, "out of memory")),
    (Finished(2, "", "MAX_WORKERS='x' is not a number"), Failure(SETTING, "MAX_WORKERS='x' is not a number")),
    (Finished(3, "", "Cup final.mp4 is empty"), Failure(RECORDING, "Cup final.mp4 is empty")),
    (Finished(4, "", "WORKING_DIR is full"), Failure(STORAGE, "WORKING_DIR is full")),
    (Finished(5, "", ""), Failure(INFRASTRUCTURE, "the step ended with exit code 5 and said nothing")),
    (Finished(-9, "", "one line of many"), Failure(INFRASTRUCTURE, "the step was ended by signal 9")),
    (Finished(1, "", "WORKING_DIR is full", is_stopped=True), Failure(STOPPED, "WORKING_DIR is full")),
])
def test_the_cause_is_how_it_ended_and_not_what_it_said(finished: Finished, failure: Failure | None) -> None:
    assert finished.failure == failure


def test_lines_come_while_the_step_runs() -> None:
    moments: list[float] = []
    StepProcess([sys.executable, "-uc", "import time; print(1); time.sleep(1); print(2)"],
                ENVIRON).follow(lambda _: moments.append(time.monotonic()))
    assert moments[1] - moments[0] > 0.5


def test_bytes_that_are_no_text_and_lines_without_end_do_no_harm() -> None:
    lines: list[str] = []
    run("import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\n' + b'x' * 1_000_000)", lines)
    assert max(map(len, lines)) <= LONGEST_LINE


def test_a_grandchild_that_holds_the_pipes_is_ended_and_not_waited_for(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    started = time.monotonic()
    run(f"import subprocess; p = subprocess.Popen(['sleep', '60']); open({str(note)!r}, 'w').write(f'{{p.pid}}\\n')")
    assert time.monotonic() - started < 10
    wait_until_gone(int(wait_for(note)))


def test_kill_ends_the_whole_group_also_what_ignores_sigterm(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = ("import signal, subprocess, time; signal.signal(15, signal.SIG_IGN);"
              "p = subprocess.Popen(['sleep', '60']);"
              f"open({str(note)!r}, 'w').write(f'{{p.pid}}\\n'); time.sleep(60)")
    step = StepProcess([sys.executable, "-uc", script], ENVIRON)
    grandchild = int(wait_for(note))
    threading.Timer(0.1, step.kill, kwargs={"grace_sec": 0.3}).start()
    assert step.follow(lambda _: None).exit_code == -signal.SIGKILL
    wait_until_gone(grandchild)
    wait_until_gone(step.process.pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_task_leaves_no_step(tmp_path: Path, number: int) -> None:
    note = tmp_path / "pid"
    inner = f"import os, time; open({str(note)!r}, 'w').write(f'{{os.getpid()}}\\n'); time.sleep(60)"
    outer = (f"import os, sys; from touchline_airflow.runtime.process import StepProcess;"
             f"StepProcess([sys.executable, '-c', {inner!r}], dict(os.environ)).follow(print)")
    include = Path(__file__).resolve().parents[4] / "include"
    task = subprocess.Popen([sys.executable, "-c", outer], env={**ENVIRON, "PYTHONPATH": str(include)})
    step = int(wait_for(note))
    task.send_signal(number)
    task.wait()
    wait_until_gone(step)


def test_a_step_sees_its_settings_and_nothing_of_airflow() -> None:
    environ = {"PATH": "/bin", "OUTPUT_CRF": "20", "CATALOGUE_URL": "z", "AIRFLOW__CORE__FERNET_KEY": "x", "KEY": "y"}
    assert set(step_environment(environ)) == {"PATH", "OUTPUT_CRF", "PYTHONUNBUFFERED"}


@pytest.mark.parametrize("value", ["", "auto", "process", " Process "])
def test_without_an_engine_auto_is_the_process_runtime(value: str) -> None:
    assert decide_runtime({"TOUCHLINE_RUNTIME": value, "DOCKER_HOST": NO_ENGINE}) == "process"


def test_docker_without_an_engine_and_unknown_runtimes_are_refused_in_one_line() -> None:
    with pytest.raises(EngineError, match="does not answer: start it, or set DOCKER_HOST"):
        decide_runtime({"TOUCHLINE_RUNTIME": "docker", "DOCKER_HOST": NO_ENGINE})
    with pytest.raises(SettingError, match="'podman' is not known"):
        decide_runtime({"TOUCHLINE_RUNTIME": "podman"})


def test_a_task_decides_no_runtime() -> None:
    assert chosen_runtime({"TOUCHLINE_RUNTIME": "docker"}) == "docker"
    with pytest.raises(SettingError, match="is not decided"):
        chosen_runtime({})


def test_a_touchline_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="make install"):
        touchline_path({"TOUCHLINE_BIN": str(tmp_path / "touchline")})


def test_the_command_is_that_of_this_checkout(repository: Path) -> None:
    assert touchline_path({}) == str(repository / ".venv-worker/bin/touchline")
