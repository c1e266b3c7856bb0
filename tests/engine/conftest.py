"""A real Docker engine, the one of DOCKER_HOST, with the images in it.

Without one the tests here are skipped, and say so; with TOUCHLINE_ENGINE=required they fail instead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import NoReturn

import docker
import pytest
from docker.errors import DockerException, ImageNotFound

from touchline import __version__

HOW = "start an engine and run `make images` (docs/how-to/containers.md)"


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.APIClient]:
    """A client of the engine."""
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    try:
        client = docker.APIClient(base_url=address, version="auto", timeout=60)
    except DockerException:
        _cannot(f"no Docker engine answers at {address}: {HOW}")
    with client:
        yield client


@pytest.fixture(scope="session")
def worker_image(engine: docker.APIClient) -> str:
    """The tag of the worker image, which is there."""
    return _image(engine, os.environ.get("TOUCHLINE_WORKER_IMAGE", f"touchline-worker:{__version__}"))


@pytest.fixture(scope="session")
def airflow_image(engine: docker.APIClient) -> str:
    """The tag of the Airflow image, which is there."""
    return _image(engine, f"touchline-airflow:{__version__}")


@pytest.fixture(scope="session")
def python_image(engine: docker.APIClient, worker_image: str) -> Iterator[str]:
    """The worker's image whose command is a Python script."""
    made = engine.create_container(worker_image)["Id"]
    name = "touchline-test-python:latest"
    engine.commit(made, *name.split(":"), changes='ENTRYPOINT ["tini", "-g", "--", "python3", "-c"]')
    engine.remove_container(made)
    yield name
    engine.remove_image(name, force=True)


@pytest.fixture
def run_in(engine: docker.APIClient) -> Callable[..., tuple[int, str]]:
    """Run a command in a container that may do as little as a step's; gives exit code and output."""

    def run(image: str, command: list[str], *, user: str = "12345:54321", entrypoint: str | None = None,
            writable: tuple[str, ...] = ("/tmp",)) -> tuple[int, str]:
        limits = engine.create_host_config(network_mode="none", read_only=True, cap_drop=["ALL"], mem_limit="4g",
                                           security_opt=["no-new-privileges"], pids_limit=256,
                                           tmpfs=dict.fromkeys(writable, "mode=1777"))
        container = engine.create_container(image, command, user=user, entrypoint=entrypoint, host_config=limits)
        try:
            engine.start(container)
            exit_code = engine.wait(container, timeout=300)["StatusCode"]
            return exit_code, engine.logs(container).decode()
        finally:
            engine.remove_container(container, force=True, v=True)

    return run


def _image(engine: docker.APIClient, tag: str) -> str:
    try:
        engine.inspect_image(tag)
    except ImageNotFound:
        _cannot(f"the image {tag} is missing: run `make images`")
    return tag


def _cannot(reason: str) -> NoReturn:
    if os.environ.get("TOUCHLINE_ENGINE") == "required":
        pytest.fail(reason)
    pytest.skip(reason)
