"""Where is the Docker engine, does it answer, and what does it have?"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import docker
from docker.errors import APIError, DockerException
from docker.types import DeviceRequest
from requests.exceptions import RequestException

from touchline.errors import SettingError, TouchlineError

DEFAULT_ADDRESS = "unix:///var/run/docker.sock"
TIMEOUT_SEC = 60
LOST = (DockerException, RequestException, OSError)
"""What docker-py raises when the engine is not there, went away or refuses."""
_OF_THE_KERNEL = tuple(os.strerror(number) for number in (errno.ENOENT, errno.ECONNREFUSED, errno.EACCES, errno.EPIPE,
                                                          errno.ECONNRESET, errno.EHOSTUNREACH, errno.ETIMEDOUT))


class EngineError(TouchlineError):
    """The engine does not answer, or refused: worth a retry (exit code 1)."""


def engine_address(environ: Mapping[str, str] | None = None) -> str:
    """DOCKER_HOST, else the engine's usual socket."""
    return (os.environ if environ is None else environ).get("DOCKER_HOST") or DEFAULT_ADDRESS


def connect(timeout_sec: float = TIMEOUT_SEC, environ: Mapping[str, str] | None = None) -> docker.APIClient:
    """A client of the engine that DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH name; close it after use.

    Raises:
        EngineError: it does not answer.
    """
    environ = dict(os.environ if environ is None else environ)
    try:
        options = {**docker.utils.kwargs_from_env(environment=environ), "base_url": engine_address(environ)}
        return docker.APIClient(**options, version="auto", timeout=timeout_sec)
    except LOST as error:
        raise EngineError(f"the Docker engine at {engine_address(environ)} does not answer: start it, or set "
                          f"DOCKER_HOST ({one_line(error)})") from None


@contextmanager
def engine_errors(doing: str) -> Iterator[None]:
    """Turn what docker-py raises into one line: "starting the container: …"."""
    try:
        yield
    except LOST as error:
        raise EngineError(f"{doing}: {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    """The engine's or the kernel's own words, without the wrapping of docker-py and its HTTP library."""
    if isinstance(error, APIError):
        return " ".join(str(error.explanation or error).split())
    return next((text for text in _OF_THE_KERNEL if text in str(error)), " ".join(str(error).split()))


def has_image(client: docker.APIClient, image: str) -> bool:
    """Whether the image is on the engine's host."""
    with engine_errors(f"looking for the image {image}"):
        return bool(client.images(name=image))


def fetch_image(client: docker.APIClient, image: str) -> None:
    """Have the image on the engine's host.

    A name without a registry or namespace is one that `make images` builds: it is never fetched, because who
    registered that name elsewhere is not known.

    Raises:
        SettingError: it is not there and cannot be had; no retry helps.
    """
    if has_image(client, image):
        return
    advice = "run `make images` on this host, or set TOUCHLINE_WORKER_IMAGE"
    if "/" not in image:
        raise SettingError(f"the image {image} is not on the engine's host: {advice}")
    try:
        client.pull(image)
    except LOST as error:
        raise SettingError(f"the image {image} cannot be pulled ({one_line(error)}): {advice}") from None


def gpu_requests(client: docker.APIClient, use_gpu: str) -> list[DeviceRequest]:
    """All GPUs for a step, or none: "true" asks in any case, "auto" where the engine gives GPUs to containers."""
    if use_gpu == "true" or (use_gpu == "auto" and gives_gpus(_info(client))):
        return [DeviceRequest(count=-1, capabilities=[["gpu"]])]
    return []


def gives_gpus(info: Mapping[str, Any]) -> bool:
    """Whether an engine's own description names NVIDIA's runtime or NVIDIA devices (CDI)."""
    devices = info.get("DiscoveredDevices") or []
    return "nvidia" in (info.get("Runtimes") or {}) or any(
        str(device.get("ID", "")).startswith("nvidia.com/gpu") for device in devices)


def _info(client: docker.APIClient) -> dict[str, Any]:
    with engine_errors("asking the engine what it has"):
        return dict(client.info())
