"""How does the full stack come up on this machine, and down again? `make stack`, `make stack-down`.

It makes what is missing (.env, folders, keys, touchline's own images), starts the services of docker/compose.yaml and
waits until all are healthy. Where MAIN_HOST is set in .env this machine is a GPU host of another one's stack:
docker/compose.gpu-worker.yaml is taken. The engine is this machine's own; it is not installed or started here.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from images import IMAGES, ImageError, build
from live_line import LiveLine
from stack_files import ROOT, StackError, provide_env, provide_folders, provide_secrets

HEALTHY_SEC = 900
NUMBERS = ("TOUCHLINE_UID", "TOUCHLINE_GID", "API_PORT", "FLOWER_PORT", "WORKER_SLOTS", "GPU_SLOTS")
PROXY_CONFIG = ROOT / "docker" / "socket-proxy" / "haproxy.cfg"


@dataclass(frozen=True)
class Service:
    """A container of the stack, as the engine sees it."""

    name: str
    status: str
    health: str
    exit_code: int

    @property
    def is_ready(self) -> bool:
        """Healthy, or done with what it had to do once."""
        return self.health == "healthy" or (self.name == "init" and self.status == "exited" and self.exit_code == 0)


class Compose:
    """The compose command with the files and the project of this machine."""

    def __init__(self, env_file: Path, env: Mapping[str, str]) -> None:
        self.env = env
        self._argv = [*_compose_command(), "--env-file", str(env_file)]
        for name in files(env):
            self._argv += ["--file", str(ROOT / "docker" / name)]

    def run(self, *arguments: str) -> str:
        """Run it; returns what it printed.

        Raises:
            StackError: it failed; the message is its last line.
        """
        done = subprocess.run([*self._argv, *arguments], capture_output=True, text=True, check=False,
                              env={**os.environ, "COMPOSE_PROFILES": self.env["COMPOSE_PROFILES"]})
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            raise StackError(f"compose {arguments[0]}: {lines[-1].strip() if lines else 'failed without a word'}")
        return done.stdout

    def services(self) -> list[Service]:
        """All containers of the project."""
        return sorted(map(_service, _containers(self.env["COMPOSE_PROJECT_NAME"])), key=lambda service: service.name)


def main() -> int:
    """`up` or `down`; errors are one line."""
    parser = argparse.ArgumentParser(description="The full stack of touchline on this machine.")
    parser.add_argument("action", choices=("up", "down"))
    parser.add_argument("--env-file", type=Path, default=ROOT / ".env", help="default: %(default)s")
    arguments = parser.parse_args()
    line = LiveLine()
    try:
        (up if arguments.action == "up" else down)(arguments.env_file.resolve(), line)
    except (StackError, ImageError) as error:
        line.say(f"stack: {error}")
        return 1
    except KeyboardInterrupt:
        line.say("stack: interrupted; what runs goes on: `make stack` waits again, `make stack-down` ends it")
        return 130
    return 0


def up(env_file: Path, line: LiveLine) -> None:
    """Make what is missing, start all, wait until all is healthy, say where it is."""
    started = time.monotonic()
    check_engine()
    is_new = not env_file.exists()
    env, added = provide_env(env_file)
    if is_new or added:
        line.say(f"{env_file} is new: look into it" if is_new else f"{env_file}: added {', '.join(added)}")
    check(env)
    provide_folders(env)
    if made := provide_secrets(env):
        line.say(f"made in {env['SECRETS_DIR']}: {', '.join(made)}")
    compose = Compose(env_file, env)
    check_ports(env, compose)
    provide_images(env)
    start(compose, line)
    wait_until_healthy(compose, line)
    for text in where(env, time.monotonic() - started):
        line.say(text)


def down(env_file: Path, line: LiveLine) -> None:
    """End the services; databases, results, keys and logs stay."""
    check_engine()
    if not env_file.exists():
        raise StackError(f"{env_file} is not there: no stack was started with it")
    env, _ = provide_env(env_file)
    with line.waiting(lambda: "ending the services"):
        Compose(env_file, env).run("down", "--remove-orphans")
    line.say("the stack is down; databases, results, keys and logs stay")


# --- What must be right before --------------------------------------------------------------------------------------

def check_engine() -> None:
    """An engine answers, and there is a compose command.

    Raises:
        StackError: one of them is not there.
    """
    where = os.environ.get("DOCKER_HOST") or "its usual socket"
    if not shutil.which("docker") or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
        raise StackError(f"no Docker engine answers at {where}: start one, or set DOCKER_HOST")
    _compose_command()


def check(env: Mapping[str, str]) -> None:
    """The settings of .env fit together and to this machine.

    Raises:
        StackError: a setting that cannot work.
    """
    for name in NUMBERS:
        if not env[name].isdigit():
            raise StackError(f"{name}={env[name]} in .env is not a number")
    if "0" in (env["TOUCHLINE_UID"], env["TOUCHLINE_GID"]):
        raise StackError("TOUCHLINE_UID and TOUCHLINE_GID in .env must be a plain user's, not 0")
    if env["TOUCHLINE_HOST"] not in hosts(env):
        raise StackError(f"TOUCHLINE_HOST={env['TOUCHLINE_HOST']} is not among TOUCHLINE_HOSTS={env['TOUCHLINE_HOSTS']}"
                         ": name this machine in .env")
    if not Path(env["DOCKER_SOCKET"]).is_socket():
        raise StackError(f"DOCKER_SOCKET={env['DOCKER_SOCKET']} in .env is no socket of a Docker engine")
    if not PROXY_CONFIG.stat().st_mode & 0o004:
        raise StackError(f"{PROXY_CONFIG} is not readable by the container: run `chmod a+r {PROXY_CONFIG}`")


def check_ports(env: Mapping[str, str], compose: Compose) -> None:
    """The ports are free, unless it is our own services that hold them.

    Raises:
        StackError: another program listens there.
    """
    if env["MAIN_HOST"] or any(service.status == "running" for service in compose.services()):
        return
    ports = {name: int(env[name]) for name in ("API_PORT", "FLOWER_PORT")}
    if len(hosts(env)) > 1:
        ports |= {"the port of PostgreSQL": 5432, "the port of Redis": 6379}
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((env["BIND_ADDRESS"], port))
            except OSError as error:
                raise StackError(f"{name}, {env['BIND_ADDRESS']}:{port}, cannot be used ({error.strerror}): "
                                 "end what listens there, or change .env") from None


def provide_images(env: Mapping[str, str]) -> None:
    """Build touchline's own images where they are missing; all others are pulled by name.

    Raises:
        StackError, ImageError: an image cannot be had.
    """
    for image in IMAGES:
        if not has_image(f"touchline-{image.name}:{env['TOUCHLINE_VERSION']}"):
            build(image, "cuda" if int(env["GPU_SLOTS"]) > 1 else "cpu", stand_in=False, wheelhouse=False)
    for name in ("haproxy:2.6-bookworm", *(() if env["MAIN_HOST"] else ("postgres:15-bookworm", "redis:7.0-bookworm"))):
        if not has_image(name):
            done = subprocess.run(["docker", "pull", "--quiet", name], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise StackError(f"the image {name} cannot be pulled: {done.stderr.strip().splitlines()[-1]}")


def has_image(name: str) -> bool:
    """Whether the engine has it."""
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode == 0


# --- Starting and waiting -------------------------------------------------------------------------------------------

def start(compose: Compose, line: LiveLine) -> None:
    """Start all services in their order.

    Raises:
        StackError: one does not start; where `init` failed the message is its last line.
    """
    try:
        with line.waiting(lambda: "starting the services"):
            compose.run("up", "--detach", "--remove-orphans")
    except StackError:
        if any(service.name == "init" and service.exit_code for service in compose.services()):
            raise StackError(f"init failed: {last_line(compose, 'init')}") from None
        raise


def wait_until_healthy(compose: Compose, line: LiveLine) -> None:
    """Wait with a live line.

    Raises:
        StackError: a service is not healthy in time; the message says which and what it said last.
    """
    deadline = time.monotonic() + HEALTHY_SEC
    with line.waiting(lambda: waiting_for(compose.services())):
        while (services := compose.services()) and not all(service.is_ready for service in services):
            if time.monotonic() > deadline:
                late = next(service.name for service in services if not service.is_ready)
                raise StackError(f"{late} is not healthy after {HEALTHY_SEC} s: its last line is "
                                 f"{last_line(compose, late)!r}")
            time.sleep(1)


def waiting_for(services: list[Service]) -> str:
    """For example "waiting for flower, worker: 8 of 10 are there"."""
    late = [service.name for service in services if not service.is_ready]
    return f"waiting for {', '.join(late)}: {len(services) - len(late)} of {len(services)} are there"


def last_line(compose: Compose, service: str) -> str:
    """What a service said last."""
    lines = [line for line in compose.run("logs", "--no-color", "--tail=5", service).splitlines() if line.strip()]
    return lines[-1] if lines else ""


def where(env: Mapping[str, str], seconds: float) -> list[str]:
    """What a person wants to know now."""
    if env["MAIN_HOST"]:
        return [f"The workers of {env['TOUCHLINE_HOST']} are up after {seconds:.0f} s and work for {env['MAIN_HOST']}."]
    folder = Path(env["SECRETS_DIR"])
    return [f"The stack is up after {seconds:.0f} s: {env['PUBLIC_URL']}",
            f"  user admin, password in {folder / 'admin_password'}",
            f"  Flower: http://{env['BIND_ADDRESS']}:{env['FLOWER_PORT']}, login in {folder / 'flower_login'}",
            f"Put recordings into {env['NAS_MOUNT_PATH']}; matches are published in {env['NAS_OUTPUT_PATH']}."]


# --- The compose command --------------------------------------------------------------------------------------------

def files(env: Mapping[str, str]) -> list[str]:
    """Which compose files this machine needs."""
    if env["MAIN_HOST"]:
        return ["compose.gpu-worker.yaml"]
    return ["compose.yaml", *(["compose.hosts.yaml"] if len(hosts(env)) > 1 else [])]


def hosts(env: Mapping[str, str]) -> list[str]:
    """Names in TOUCHLINE_HOSTS."""
    return [name.strip() for name in env["TOUCHLINE_HOSTS"].split(",") if name.strip()]


def _compose_command() -> list[str]:
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    raise StackError("there is no docker compose: install Docker's compose plugin, or Debian's package docker-compose")


def _containers(project: str) -> list[dict[str, object]]:
    asked = ["docker", "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={project}"]
    ids = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split()
    if not ids:
        return []
    told = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=False).stdout
    return list(json.loads(told or "[]"))


def _service(container: Mapping[str, object]) -> Service:
    state, config = dict(container["State"]), dict(container["Config"])  # type: ignore[call-overload]
    return Service(str(config["Labels"]["com.docker.compose.service"]), str(state["Status"]),
                   str((state.get("Health") or {}).get("Status", "")), int(state["ExitCode"]))


if __name__ == "__main__":
    sys.exit(main())
