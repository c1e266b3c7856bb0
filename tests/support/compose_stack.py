"""A stack of its own for the tests: `make stack` with folders, ports and a project name of their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.footage import put_copy, simulate
from support.services import free_port
from support.waiting import wait_for
from touchline_airflow.access.rest import AirflowApi
from touchline_deploy.build.pins import image_names
from touchline_deploy.stack.stack_files import EXAMPLE, FOLDERS, read_env

IMAGES = image_names()
STAND_INS = {IMAGES["POSTGRES_IMAGE"]: "postgres", IMAGES["REDIS_IMAGE"]: "redis", IMAGES["HAPROXY_IMAGE"]: "haproxy"}
SETTINGS = {"WATCH_STABLE_TIME_SEC": "3", "CHUNK_DURATION_SEC": "10", "USE_GPU": "false"}


@dataclass
class ComposeStack:
    """A running stack and where its things are."""

    env_file: Path
    env: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://{self.env['BIND_ADDRESS']}:{self.env['API_PORT']}"

    @property
    def flower(self) -> str:
        return f"http://127.0.0.1:{self.env['FLOWER_PORT']}"

    @property
    def project(self) -> str:
        return self.env["COMPOSE_PROJECT_NAME"]

    def path(self, name: str) -> Path:
        return Path(self.env[name])

    def secret(self, name: str) -> str:
        return (self.path("SECRETS_DIR") / name).read_text()

    def secrets_in(self, told: str) -> list[str]:
        """Names of the secrets that this text gives away; that of a mail server is empty, as there is none here."""
        known = {path.name: _bare_secret(path.read_text()) for path in self.path("SECRETS_DIR").iterdir()}
        assert [name for name, secret in known.items() if not secret] == ["smtp_password"]
        return [name for name, secret in known.items() if secret and secret in told]

    def api(self) -> AirflowApi:
        return AirflowApi(self.url, "admin", self.secret("admin_password"))

    def containers(self) -> dict[str, dict[str, Any]]:
        ids = docker("ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.project}").split()
        told = json.loads(docker("inspect", *ids)) if ids else []
        return {one["Config"]["Labels"]["com.docker.compose.service"]: one for one in told}

    def python(self, service: str, program: str, *arguments: str) -> str:
        """Run a program in a service's container; gives what it printed."""
        container = self.containers()[service]["Id"]
        return docker("exec", "--interactive", container, "python", "-", *arguments, given=program)


def _bare_secret(text: str) -> str:
    """The password of an address or of a "user:password"; anything else as it is."""
    return urlsplit(text).password or "" if "://" in text else text.rpartition(":")[2]


def docker(*arguments: str, given: str = "") -> str:
    done = subprocess.run(["docker", *arguments], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {arguments[0]}: {done.stderr[-2000:]}"
    return done.stdout


def has_image(name: str) -> bool:
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True, check=False).returncode == 0


def missing() -> str:
    """Why no stack can be started here, in one line; empty when it can."""
    if not shutil.which("docker") or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode:
        return "no Docker engine answers: start one (docs/how-to/containers.md)"
    lacking = [name for name in ("worker", "airflow") if not has_image(f"touchline-{name}:{version()}")]
    return f"the images {', '.join(lacking)} are missing: run `make images`" if lacking else ""


def version() -> str:
    return read_env(EXAMPLE)["TOUCHLINE_VERSION"]


def provide_stand_ins(stand_ins: Mapping[str, str] = STAND_INS) -> None:
    """Images that cannot be pulled here are made from Debian's packages, with a label that says so."""
    for name, folder in stand_ins.items():
        if has_image(name):
            continue
        if subprocess.run(["docker", "pull", name], capture_output=True, check=False).returncode:
            subprocess.run(["docker", "build", "--quiet", "--network=host", "--tag", name,
                            str(Path(__file__).with_name("stand-ins") / folder)], check=True, stdout=subprocess.DEVNULL,
                           env={"DOCKER_BUILDKIT": "0", **os.environ})


def skip_without_engine() -> None:
    if reason := missing():
        pytest.fail(reason) if os.environ.get("TOUCHLINE_ENGINE") == "required" else pytest.skip(reason)


@contextlib.contextmanager
def compose_stack(folder: Path, **changes: str) -> Iterator[ComposeStack]:
    """Up as by `make stack`, with these changes in .env; down and gone afterwards."""
    provide_stand_ins()
    stack = make_env(folder, changes)
    started = time.monotonic()
    try:
        made = stack_script("up", stack.env_file)
        assert made.returncode == 0, made.stdout[-2000:] + said_last(stack)
        print(f"\nup after {time.monotonic() - started:.0f} s")
        yield stack
    finally:
        stack_script("down", stack.env_file)
        subprocess.run(["docker", "volume", "rm", f"{stack.project}_postgres", f"{stack.project}_redis"],
                       capture_output=True, check=False)


def make_env(folder: Path, changes: dict[str, str]) -> ComposeStack:
    """As a person would: let the script make the file, then change what is other here."""
    from touchline_deploy.stack.stack_files import provide_env

    env_file = folder / "env"
    provide_env(env_file)
    places = {name: str(folder / name.lower()) for name in (*FOLDERS, "SECRETS_DIR", "NAS_MOUNT_PATH")}
    api, flower = free_port("127.0.0.1"), free_port("127.0.0.1")
    ours = {**places, "NAS_OUTPUT_PATH": f"{places['NAS_MOUNT_PATH']}/output", "API_PORT": str(api),
            "FLOWER_PORT": str(flower), "PUBLIC_URL": f"http://localhost:{api}",
            "COMPOSE_PROJECT_NAME": f"touchline-test-{os.getpid()}",
            "COMPOSE_PROFILES": "chunks", **SETTINGS, **changes}
    env = {**read_env(env_file), **ours}
    env_file.write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    Path(env["NAS_MOUNT_PATH"]).mkdir(exist_ok=True)
    return ComposeStack(env_file, env)


def publish_a_match(stack: ComposeStack, folder: Path) -> tuple[dict[str, Any], Path]:
    """Drop a simulated match with a mark and wait for the end of its run; gives the run and the match folder."""
    (stack.path("NAS_MOUNT_PATH") / "final.marks.csv").write_text("time,label\n00:00:12,Save\n")
    put_copy(simulate(folder / "match", 26, 3), stack.path("NAS_MOUNT_PATH") / "final.mp4")
    started, api = time.monotonic(), stack.api()
    run = wait_for("the end of the run", lambda: next(
        (run for run in api.runs("process_match") if run["state"] in ("success", "failed")), None), 1500)
    print(f"\nfrom the drop to the end of the run: {time.monotonic() - started:.0f} s")
    return run, next(stack.path("NAS_OUTPUT_PATH").glob("final-*"))


def stack_script(action: str, env_file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "touchline_deploy.stack.stack", action, "--env-file", str(env_file)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)


def said_last(stack: ComposeStack) -> str:
    """The last lines of every service that is not healthy."""
    late = [one for one in stack.containers().values() if one["State"].get("Health", {}).get("Status") != "healthy"]
    return "".join(f"\n== {one['Name']}\n" + subprocess.run(["docker", "logs", "--tail=15", one["Id"]], text=True,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout for one in late)
