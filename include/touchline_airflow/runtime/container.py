"""How does a step run in a container that cannot outlive its task? The docker runtime.

The container's stdin is held open by us: when this process dies, the engine closes it and the step ends itself. A
container that a dead task left behind is removed before the same task starts another, and by the reaper.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import docker
from docker.errors import APIError, NotFound
from docker.utils.socket import STDERR, frames_iter
from requests.exceptions import RequestException

from touchline.errors import EXIT_FAILED, SettingError
from touchline_airflow.runtime.container_spec import ContainerSpec
from touchline_airflow.runtime.docker_engine import (
    LOST,
    EngineError,
    connect,
    engine_errors,
    fetch_image,
    gpu_requests,
    one_line,
)
from touchline_airflow.runtime.process import Finished, Lines

KILL_GRACE_SEC = 2.0
_KILL_TIMEOUT_SEC = 2.0
_END_TIMEOUT_SEC = 15.0
_LEFTOVER_TIMEOUT_SEC = 30.0


class StepContainer:
    """One run of a step in a container of its own.

    Raises:
        SettingError: the image is not there and cannot be had.
        EngineError: the engine does not answer or refuses.
    """

    def __init__(self, spec: ContainerSpec) -> None:
        self.spec = spec
        self._client = connect()
        try:
            fetch_image(self._client, spec.image)
            with engine_errors(f"making the container {spec.name}"):
                remove_leftover(self._client, spec.name)
                self.id = _create(self._client, spec)
        except BaseException:
            self._client.close()
            raise

    def follow(self, say: Callable[[str], None]) -> Finished:
        """Start it and pass every line on as it comes, until the step ends; the container is removed then.

        Raises:
            EngineError: the engine went away meanwhile, or could not start it.
        """
        stdout, stderr = Lines(say), Lines(say)
        try:
            with engine_errors(f"running the container {self.spec.name}"):
                lifeline = self._client.attach_socket(self.id, {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
                with contextlib.closing(lifeline):
                    self._start()
                    for stream, content in frames_iter(lifeline, tty=False):
                        (stderr if stream == STDERR else stdout).add(content)
                    state = self._final_state()
        finally:
            stdout.end()
            stderr.end()
            self._remove()
        if state["OOMKilled"]:
            return Finished(EXIT_FAILED, "\n".join(stdout.kept), self._out_of_memory())
        return Finished(_exit_code(state["ExitCode"]), "\n".join(stdout.kept), stderr.last)

    def kill(self) -> None:
        """SIGTERM to the step, SIGKILL after two seconds, and the container is gone; within the supervisor's five.

        It may be called by a signal handler in the middle of `follow`: it uses a connection of its own and an id
        instead of a name, under which a newer try may already run.
        """
        with contextlib.suppress(EngineError, *LOST), contextlib.closing(connect(_KILL_TIMEOUT_SEC)) as client:
            with contextlib.suppress(APIError, RequestException):
                client.kill(self.id, "SIGTERM")
                client.wait(self.id, timeout=KILL_GRACE_SEC)
            client.remove_container(self.id, force=True, v=True)

    def _start(self) -> None:
        try:
            self._client.start(self.id)
        except APIError as error:
            if self.spec.use_gpu == "true" and "device driver" in one_line(error):
                raise SettingError("USE_GPU=true, but the engine gives no GPU to containers: install NVIDIA's "
                                   f"container toolkit, or set USE_GPU=auto ({one_line(error)})") from None
            raise

    def _final_state(self) -> dict[str, Any]:
        try:
            self._client.wait(self.id, timeout=_END_TIMEOUT_SEC)
            return dict(self._client.inspect_container(self.id)["State"])
        except NotFound:
            raise EngineError(f"the container {self.spec.name} was removed while the step ran") from None
        except RequestException:
            raise EngineError(f"the connection to the container {self.spec.name} was lost") from None

    def _remove(self) -> None:
        """Best effort: what stays because the engine is away is removed by the next try or the reaper."""
        with contextlib.suppress(*LOST):
            self._client.remove_container(self.id, force=True, v=True)
        self._client.close()

    def _out_of_memory(self) -> str:
        limit = self.spec.limits["mem_limit"] >> 20
        return f"the step ran out of its {limit} MiB of memory: raise CONTAINER_MEMORY_MIB"


def remove_leftover(client: docker.APIClient, name: str) -> None:
    """Remove a container of this name, running or not; returns when the name is free.

    Raises:
        EngineError: it could not be removed in 30 s.
    """
    deadline = time.monotonic() + _LEFTOVER_TIMEOUT_SEC
    while client.containers(all=True, filters={"name": f"^/{name}$"}):
        with contextlib.suppress(NotFound):
            try:
                client.remove_container(name, force=True, v=True)
            except APIError as error:
                if error.status_code != 409:  # its removal is under way
                    raise
        if time.monotonic() > deadline:
            raise EngineError(f"the container {name} of an earlier try cannot be removed: remove it by hand")
        time.sleep(0.05)


def _create(client: docker.APIClient, spec: ContainerSpec) -> str:
    container = client.create_container(
        spec.image, list(spec.command), name=spec.name, environment=dict(spec.environment), labels=dict(spec.labels),
        user=spec.user, stdin_open=True, tty=False, working_dir="/tmp",  # noqa: S108 - the container's own
        host_config=client.create_host_config(**spec.limits, device_requests=gpu_requests(client, spec.use_gpu)))
    return str(container["Id"])


def _exit_code(code: int) -> int:
    """As a process has it: negative for a signal."""
    return 128 - code if code > 128 else code
