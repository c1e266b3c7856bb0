"""How does the full stack come up on this machine, and down again? `make stack`, `make stack-down`.

It makes what is missing (.env, folders, keys, touchline's own images), starts the services of docker/compose.yaml, with
`dashboards` in COMPOSE_PROFILES those of docker/compose.dashboards.yaml too, and waits until all are healthy. Where
MAIN_HOST is set in .env this machine is a GPU host of another one's stack: docker/compose.gpu-worker.yaml is taken. The
engine is this machine's own; it is not installed or started here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from touchline.errors import SettingError
from touchline.settings import Settings
from touchline_airflow.brought_settings import misspelt, remarks
from touchline_airflow.checkout import ROOT
from touchline_airflow.deployment import DeploymentSettings
from touchline_deploy.build.images import IMAGES, ImageError, build
from touchline_deploy.build.pins import image_names
from touchline_deploy.live_line import LiveLine
from touchline_deploy.stack.stack_files import (
    EXAMPLE,
    StackError,
    provide_env,
    provide_folders,
    provide_secrets,
    read_env,
)

HEALTHY_SEC = 900
DASHBOARDS = "compose.dashboards.yaml"
NUMBERS = ("TOUCHLINE_UID", "TOUCHLINE_GID", "API_PORT", "FLOWER_PORT", "WORKER_SLOTS", "GPU_SLOTS", "GRAFANA_PORT",
           "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "STATSD_PORT")
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
    """The compose command with files of docker/ and the project of this machine."""

    def __init__(self, env_file: Path, env: Mapping[str, str], names: Sequence[str] = ()) -> None:
        self.env, self.names = env, names or files(env)
        self._argv = [*_compose_command(), "--env-file", str(env_file)]
        for name in self.names:
            self._argv += ["--file", str(ROOT / "docker" / name)]

    def run(self, *arguments: str) -> str:
        """Run it; returns what it printed.

        Raises:
            StackError: it failed; the message is its last line.
        """
        # A name that nobody has would be a line in each task's log.
        statsd = "statsd-exporter" if DASHBOARDS in self.names else "127.0.0.1"
        environ = {**os.environ, **image_names(), "COMPOSE_PROFILES": self.env["COMPOSE_PROFILES"],
                   "STATSD_HOST": statsd}
        done = subprocess.run([*self._argv, *arguments], capture_output=True, text=True, check=False, env=environ)
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
    for text in (*remarks(env), *misspelt(env, read_env(EXAMPLE))):
        line.say(f"{env_file}: {text}")
    provide_folders(env)
    if made := provide_secrets(env):
        line.say(f"made in {env['SECRETS_DIR']}: {', '.join(made)}")
    compose = Compose(env_file, env)
    check_ports(compose)
    build_images(env)
    pull_images(compose.names)
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
    try:
        for settings in (Settings, DeploymentSettings):
            settings.from_env(env)
    except SettingError as error:
        raise StackError(f"{error} (in .env)") from None
    if not Path(env["DOCKER_SOCKET"]).is_socket():
        raise StackError(f"DOCKER_SOCKET={env['DOCKER_SOCKET']} in .env is no socket of a Docker engine")
    if not PROXY_CONFIG.stat().st_mode & 0o004:
        raise StackError(f"{PROXY_CONFIG} is not readable by the container: run `chmod a+r {PROXY_CONFIG}`")


def check_ports(compose: Compose) -> None:
    """The ports are free, unless it is our own services that hold them.

    Raises:
        StackError: another program listens there.
    """
    env = compose.env
    if any(service.status == "running" for service in compose.services()):
        return
    for written, name in re.findall(r'"(\S+):(\$\{[A-Z_]+\}|\d+):\d+"', text_of(compose.names)):
        address, port = filled(written, env), int(filled(name, env))
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                raise StackError(f"{name.strip('${}')}, {address}:{port}, cannot be used ({error.strerror}): "
                                 "end what listens there, or change .env") from None


def build_images(env: Mapping[str, str]) -> None:
    """Build touchline's own images where they are missing.

    Raises:
        ImageError: one cannot be built.
    """
    for image in IMAGES:
        if not has_image(f"touchline-{image.name}:{env['TOUCHLINE_VERSION']}"):
            build(image, "cuda" if int(env["GPU_SLOTS"]) > 1 else "cpu", stand_in=False, wheelhouse=False)


def pull_images(names: Sequence[str]) -> None:
    """Pull the other images of these compose files by name, where they are missing.

    Raises:
        StackError: one cannot be had.
    """
    chosen = image_names()
    for variable in sorted(set(re.findall(r"^ +image: \$\{([A-Z_]+_IMAGE)\}$", text_of(names), re.MULTILINE))):
        if not has_image(name := chosen[variable]):
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
    waiting = f"waiting for {', '.join(late)}: " if late else ""
    return f"{waiting}{len(services) - len(late)} of {len(services)} are there"


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
            *(where_dashboards(env) if DASHBOARDS in files(env) else []),
            f"Put recordings into {env['NAS_MOUNT_PATH']}; matches are published in {env['NAS_OUTPUT_PATH']}."]


def where_dashboards(env: Mapping[str, str]) -> list[str]:
    """Addresses of Grafana, Prometheus and Alertmanager."""
    password = Path(env["SECRETS_DIR"]) / "grafana_password"
    return [f"  Grafana: http://{env['BIND_ADDRESS']}:{env['GRAFANA_PORT']}, user admin, password in {password}",
            f"  Prometheus and Alertmanager: http://127.0.0.1:{env['PROMETHEUS_PORT']}, "
            f"http://127.0.0.1:{env['ALERTMANAGER_PORT']}, only from this machine"]


# --- The compose command --------------------------------------------------------------------------------------------

def files(env: Mapping[str, str]) -> list[str]:
    """Which compose files this machine needs."""
    gpus = ["compose.gpu.yaml"] if gives_gpus() else []
    if env["MAIN_HOST"]:
        return ["compose.gpu-worker.yaml", *gpus]
    has_dashboards = "dashboards" in env["COMPOSE_PROFILES"].split(",")
    return ["compose.yaml", *(["compose.hosts.yaml"] if len(hosts(env)) > 1 else []), *gpus,
            *([DASHBOARDS] if has_dashboards else [])]


def gives_gpus() -> bool:
    """Whether the engine has NVIDIA's runtime, by which a container gets GPUs."""
    asked = ["docker", "info", "--format", "{{json .Runtimes}}"]
    return '"nvidia"' in subprocess.run(asked, capture_output=True, text=True, check=False).stdout


def text_of(names: Sequence[str]) -> str:
    """What stands in these compose files; there is no reader of YAML in Python's own library."""
    return "".join((ROOT / "docker" / name).read_text() for name in names)


def filled(text: str, env: Mapping[str, str]) -> str:
    """`${NAME}` replaced as compose does."""
    return re.sub(r"\$\{([A-Z_]+)\}", lambda found: env[found[1]], text)


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
