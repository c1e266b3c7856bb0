"""A step in a container: its lines, its exit code and its reason come through, and it ends with its task.

The image is the worker's with `python3 -c` in the place of `touchline`, so that a test says what the step does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docker.errors import NotFound

from support.waiting import wait_for
from touchline.errors import SettingError
from touchline.settings import Settings
from touchline_airflow.runtime.container import StepContainer
from touchline_airflow.runtime.container_spec import ContainerSpec, Place, container_spec
from touchline_airflow.runtime.docker_engine import EngineError, gives_gpus, gpu_requests
from touchline_airflow.runtime.process import Finished
from touchline_airflow.runtime.reaper import reap_containers

ENVIRON = {"WORKING_DIR": "/nowhere/test-step-container", "CONTAINER_MEMORY_MIB": "512", "USE_GPU": "false"}
ORDERLY = "import sys; from touchline.lifeline import orderly_end\nwith orderly_end():\n "
HOLDER = """
from touchline_airflow.runtime.container import StepContainer
from touchline_airflow.runtime.container_spec import Place, container_spec
spec = container_spec(Place("test", "run", "held", -1, 1), {image!r}, [{script!r}], [], {environ!r})
StepContainer(spec).follow(lambda line: print(line, flush=True))
"""


@pytest.fixture
def spec(engine: Any, python_image: str, request: pytest.FixtureRequest) -> Iterator[ContainerSpec]:
    """A container for the test's own task; none is left when the test ends."""
    made = container_spec(Place("test", "run", request.node.name, -1, 1), python_image, ["pass"], [], ENVIRON)
    yield made
    wait_for("the removal of the container", lambda: containers(engine, made.name) == [], 5)


def running(spec: ContainerSpec, script: str) -> ContainerSpec:
    return replace(spec, command=[script])


def run(spec: ContainerSpec, script: str, lines: list[str] | None = None) -> Finished:
    return StepContainer(running(spec, script)).follow((lines if lines is not None else []).append)


def containers(engine: Any, name: str) -> list[dict[str, Any]]:
    return list(engine.containers(all=True, filters={"name": f"^/{name}$"}))


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_the_exit_code_and_the_last_line_of_stderr_come_through(spec: ContainerSpec, code: int) -> None:
    lines: list[str] = []
    script = ("import sys; print('one'); print('two\\rthree'); sys.stdout.flush();"
              f"print('touchline scan: so it is', file=sys.stderr); sys.exit({code})")
    assert run(spec, script, lines) == Finished(code, "one\ntwo\nthree", "touchline scan: so it is")
    assert sorted(lines) == ["one", "three", "touchline scan: so it is", "two"]


def test_lines_come_while_the_step_runs_and_a_quiet_step_is_not_given_up(spec: ContainerSpec) -> None:
    moments: list[float] = []
    script = "import time; print(1); time.sleep(4); print(2)"
    StepContainer(running(spec, script)).follow(lambda _: moments.append(time.monotonic()))
    assert moments[1] - moments[0] > 3.5


def test_bytes_that_are_no_text_and_many_lines_do_no_harm(spec: ContainerSpec) -> None:
    finished = run(spec, "import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\n' + b'x' * 3_000_000 + b'\\nlast\\n')")
    assert finished.exit_code == 0 and finished.stdout.endswith("last")


def test_a_step_that_is_killed_ends_orderly_within_the_supervisors_five_seconds(spec: ContainerSpec) -> None:
    step = StepContainer(running(spec, ORDERLY + (
        "try:\n  print('at work'); import time; time.sleep(60)\n finally:\n  print('cleaned')")))
    seconds, lines = [], []

    def kill() -> None:
        started = time.monotonic()
        step.kill()
        seconds.append(time.monotonic() - started)

    def hear(line: str) -> None:
        lines.append(line)
        if line == "at work":
            threading.Thread(target=kill).start()

    assert ended(step, hear)
    wait_for("the end of the kill", lambda: seconds, 15)
    assert lines == ["at work", "cleaned"]
    assert seconds[0] < 4


def test_a_step_that_ignores_sigterm_is_killed_all_the_same(spec: ContainerSpec) -> None:
    step = StepContainer(running(spec, "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf');"
                                       "time.sleep(60)"))
    started = time.monotonic()
    assert ended(step, lambda _: threading.Thread(target=step.kill).start())
    assert time.monotonic() - started < 10


def ended(step: StepContainer, hear: Any) -> bool:
    """Whether it ended by a signal, or its container was gone before that could be read."""
    try:
        return step.follow(hear).exit_code in (-signal.SIGTERM, -signal.SIGKILL)
    except EngineError:
        return True


@pytest.mark.parametrize("script", [
    pytest.param(ORDERLY + "import time; print('at work'); time.sleep(60)", id="python"),
    pytest.param(ORDERLY + ("import subprocess; print('at work');"
                            "subprocess.run(['ffmpeg', '-v', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc', '-f',"
                            "'null', '-'], stdin=subprocess.DEVNULL)"), id="ffmpeg"),
])
def test_a_container_ends_when_its_task_is_killed(engine: Any, python_image: str, script: str) -> None:
    name = container_spec(Place("test", "run", "held", -1, 1), "", [], [], ENVIRON).name
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER.format(image=python_image, script=script, environ=ENVIRON)],
        stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout and holder.stdout.readline() == "at work\n"
        assert containers(engine, name)[0]["State"] == "running"
    finally:
        holder.kill()
        holder.wait()
    wait_for("the end of the container", lambda: containers(engine, name)[0]["State"] == "exited", 6)
    settings = Settings.from_env(ENVIRON)
    assert reap_containers(engine, settings, lambda _dag, _run: {"held": "up_for_retry"})
    assert containers(engine, name) == []


def test_the_reaper_leaves_running_tasks_and_other_deployments_alone(engine: Any, spec: ContainerSpec) -> None:
    step = StepContainer(spec)
    settings = Settings.from_env(ENVIRON)
    task = spec.labels["touchline.task_id"]
    assert reap_containers(engine, settings, lambda _dag, _run: {task: "running"}) == []
    assert reap_containers(engine, replace(settings, working_dir=Path("/nowhere/else")), lambda _d, _r: {}) == []
    assert len(containers(engine, spec.name)) == 1
    assert len(reap_containers(engine, settings, lambda _dag, _run: {})) == 1
    with pytest.raises(EngineError, match="No such container"):
        step.follow(print)


def test_a_leftover_of_an_earlier_try_is_removed_before_the_start(engine: Any, spec: ContainerSpec) -> None:
    left = engine.create_container(spec.image, ["import time; time.sleep(60)"], name=spec.name, stdin_open=True)["Id"]
    engine.start(left)
    assert run(spec, "print('new')").stdout == "new"
    with pytest.raises(NotFound):
        engine.inspect_container(left)


def test_a_step_that_needs_too_much_memory_says_which_setting(spec: ContainerSpec) -> None:
    finished = run(spec, "x = bytearray(900 << 20); print(len(x))")
    assert finished.exit_code == 1
    assert finished.reason == "the step ran out of its 512 MiB of memory: raise CONTAINER_MEMORY_MIB"


def test_a_step_that_makes_too_many_processes_is_stopped(spec: ContainerSpec) -> None:
    finished = run(replace(spec, limits={**spec.limits, "pids_limit": 40}),
                   "import threading as t, time\nfor _ in range(100): t.Thread(target=time.sleep, args=(1,)).start()")
    assert finished.exit_code == 1
    assert "can't start new thread" in finished.reason


def test_an_image_that_is_not_there_is_no_matter_of_retries(spec: ContainerSpec) -> None:
    with pytest.raises(SettingError, match="the image touchline-nothing:1 is not on the engine's host: run `make im"):
        StepContainer(replace(spec, image="touchline-nothing:1"))


def test_an_engine_that_is_away_is_named(spec: ContainerSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nobody/listens.sock")
    with pytest.raises(EngineError, match=r"^the Docker engine at unix:///nobody/listens.sock does not answer: start"):
        StepContainer(spec)


def test_use_gpu_true_ends_with_the_engines_own_answer(engine: Any, spec: ContainerSpec) -> None:
    if gives_gpus(engine.info()):
        pytest.skip("this engine has GPUs")
    with pytest.raises((SettingError, EngineError), match="USE_GPU=true, but the engine gives no GPU to containers"):
        run(replace(spec, use_gpu="true"), "pass")


def test_all_gpus_are_asked_for_where_the_engine_has_them(engine: Any) -> None:
    assert gives_gpus({"Runtimes": {"runc": {}, "nvidia": {}}})
    assert gives_gpus({"Runtimes": {"runc": {}}, "DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=0"}]})
    assert not gives_gpus({"Runtimes": {"runc": {}}, "DiscoveredDevices": None})
    [request] = gpu_requests(engine, "true")
    assert (request["Count"], request["Capabilities"]) == (-1, [["gpu"]])
    assert gpu_requests(engine, "false") == []


def test_what_airflow_knows_does_not_reach_a_step(spec: ContainerSpec, python_image: str) -> None:
    environ = {**ENVIRON, "CATALOGUE_URL": "postgresql://u:secret@db/t", "AIRFLOW__CORE__FERNET_KEY": "secret",
               "PATH": os.environ["PATH"], "OUTPUT_CRF": "21", "HTTP_PROXY": "http://secret"}
    known = container_spec(Place("test", "run", spec.labels["touchline.task_id"], -1, 1), python_image,
                           ["import os; print(sorted(os.environ.items()))"], [], environ)
    shown = StepContainer(known).follow(print).stdout
    assert "secret" not in shown and "('OUTPUT_CRF', '21')" in shown
