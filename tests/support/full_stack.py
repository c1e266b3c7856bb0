"""The full stack with real parts on one machine: how does a test bring it up, and how does nothing of it stay?

PostgreSQL and Redis from Debian's packages, all processes of Airflow, Flower behind a password, and two hosts. A host
has a name, a network namespace, a SCRATCH_DIR and a Docker engine of its own, one Celery worker for light work and one
for chunks. WORKING_DIR and the NAS are folders that all share: what a host sees of them is not cut with its cable.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import tempfile
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from support.host_network import HostNetwork, missing_for_networks
from support.own_engine import missing_for_containers, own_engine
from support.running_airflow import RunningAirflow
from support.services import Postgres, Redis, ServiceError, free_port, missing
from support.waiting import wait_for
from touchline_airflow.access.login import USER, password_of
from touchline_airflow.checkout import ROOT
from touchline_airflow.hosts import GPU_QUEUE, LIGHT_QUEUE, RENDER_QUEUE, SCAN_QUEUE, queue_of
from touchline_deploy.build.engine import Engine
from touchline_deploy.embedded.airflow_environment import airflow_environment
from touchline_deploy.embedded.process_tree import session_members
from touchline_deploy.embedded.standalone import launch

AIRFLOW = str(ROOT / ".venv" / "bin" / "airflow")
PYTHON = str(ROOT / ".venv" / "bin" / "python")
HOSTS = ("one", "two")
LIGHT_CONCURRENCY = 3
GPU_CONCURRENCY = 1
UP_SEC = 600
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Host:
    """One machine that works: its scratch folder and its engine; the main one takes the light steps as well."""

    name: str
    scratch_dir: Path
    engine: Engine
    is_main: bool

    @property
    def parts(self) -> dict[str, list[str]]:
        """Its Celery workers, by name, as in docker/compose.yaml and compose.gpu-worker.yaml."""
        light = [*([LIGHT_QUEUE] if self.is_main else []), RENDER_QUEUE, SCAN_QUEUE, queue_of(self.name)]
        return {f"{self.name}-light": _worker_argv(f"light@{self.name}", light, LIGHT_CONCURRENCY),
                f"{self.name}-chunks": _worker_argv(f"chunks@{self.name}", [GPU_QUEUE], GPU_CONCURRENCY)}


@dataclass(kw_only=True)
class FullStack(RunningAirflow):
    """The running stack. `keep` runs something in the thread to whose end the services are tied."""

    hosts: Mapping[str, Host]
    network: HostNetwork
    postgres: Postgres
    redis: Redis
    flower: Flower
    keeper: ThreadPoolExecutor

    @property
    def scratch_dirs(self) -> Sequence[Path]:
        return [host.scratch_dir for host in self.hosts.values()]

    def keep(self, act: Callable[[], Answer]) -> Answer:
        """Start a service so that it lives as long as the stack."""
        return self.keeper.submit(act).result()

    def start_again(self, service: Postgres | Redis) -> None:
        """As a restart policy does: until it answers; PostgreSQL waits for the last child of a killed server."""
        for _ in range(10):
            with contextlib.suppress(ServiceError):
                self.keep(service.start)
                return
            time.sleep(1)
        self.keep(service.start)

    def leave_only(self, dag_id: str) -> None:
        """Let `tidy` size the pools, then pause all other DAGs: nothing else takes recordings or processor time."""
        api = self.api
        api.wait_for_run("tidy", str(api.trigger("tidy", {}, "sizes-the-pools")["dag_run_id"]), UP_SEC)
        for dag in api.dags():
            if dag["dag_id"] != dag_id:
                api.request("PATCH", f"/dags/{dag['dag_id']}", {"is_paused": True})

    def host_of(self, pid: int) -> str | None:
        with contextlib.suppress(OSError):
            session, pids = os.getsid(pid), self.processes.pids()
            return next((host.name for host in self.hosts.values() for part in host.parts
                         if pids.get(part) == session), None)
        return None

    def kill_host(self, name: str) -> None:
        """SIGKILL all that Celery runs there, at once; its containers lose the hand that holds them."""
        for part in self.hosts[name].parts:
            for pid in session_members(self.processes.pids()[part]):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


@dataclass(frozen=True)
class Flower:
    """Flower's pages, which only a password opens."""

    url: str
    password: str

    def status(self, password: str = "") -> int:
        """HTTP status of its list of workers."""
        with contextlib.suppress(OSError):
            return self._get(password)[0]
        return 0

    def workers(self) -> set[str]:
        """Names of the workers that it has seen and that answer."""
        with contextlib.suppress(OSError, ValueError):
            _, content = self._get(self.password)
            return {name for name, is_online in json.loads(content).items() if is_online}
        return set()

    def _get(self, password: str) -> tuple[int, bytes]:
        login = b64encode(f"{USER}:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {login}"} if password else {}
        request = urllib.request.Request(f"{self.url}/api/workers?status=1", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, b""


def missing_for_the_stack() -> str:
    """What keeps us from the full stack here; empty when nothing does."""
    return missing() or missing_for_networks() or missing_for_containers()


@contextlib.contextmanager
def full_stack(folder: Path, settings: Mapping[str, str], hosts: tuple[str, ...] = HOSTS) -> Iterator[FullStack]:
    """Everything up and healthy; `settings` are touchline's own variables or Airflow's, for all parts."""
    nas, state = folder / "nas", folder / "state"
    for path in (nas / "output", state / "backups"):
        path.mkdir(parents=True)
    with contextlib.ExitStack() as ends:
        keeper = ends.enter_context(ThreadPoolExecutor(1))
        network = ends.enter_context(HostNetwork(hosts))
        services = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="touchline-services-")))
        services.chmod(0o755)  # their users are not ours
        postgres = _serve(ends, keeper, Postgres(services / "postgres", host=network.address))
        redis = _serve(ends, keeper, Redis(services / "redis", host=network.address))
        machines = {name: Host(name, folder / "hosts" / name / "scratch", ends.enter_context(own_engine()),
                               is_main=name == hosts[0]) for name in hosts}
        flower = Flower(f"http://{network.address}:{free_port(network.address)}", secrets.token_hex(8))
        environ = _environment(state, nas, machines, network.address, postgres, redis, settings)
        _write_plan(state, environ, machines, network, flower)
        argv = [PYTHON, str(Path(__file__).with_name("full_stack_supervisor.py")), str(state)]
        processes = ends.enter_context(launch(state, argv, os.environ, UP_SEC))
        _wait_for_workers(flower, machines)
        yield FullStack(processes=processes, nas=nas, output=nas / "output", settings=environ, hosts=machines,
                        engines={name: host.engine for name, host in machines.items()}, network=network,
                        postgres=postgres, redis=redis, flower=flower, keeper=keeper)


def _serve(ends: contextlib.ExitStack, keeper: ThreadPoolExecutor, service: Any) -> Any:
    ends.callback(service.stop)
    return keeper.submit(service.start).result()


def _environment(state: Path, nas: Path, hosts: Mapping[str, Host], address: str, postgres: Postgres, redis: Redis,
                 settings: Mapping[str, str]) -> dict[str, str]:
    """The embedded Airflow's environment, with what the compose files set for the stack in its place."""
    port = free_port(address)
    metadata, url = postgres.url("airflow"), f"http://{address}:{port}"
    engine = next(iter(hosts.values())).engine.address
    no_proxy = ",".join(filter(None, [os.environ.get("NO_PROXY", ""), address]))
    embedded = airflow_environment(state, nas, nas / "output", port, {
        **os.environ, "TOUCHLINE_METADATA_URL": metadata, "TOUCHLINE_RUNTIME": "docker", "DOCKER_HOST": engine,
        **settings})
    return {
        **embedded, "NO_PROXY": no_proxy, "no_proxy": no_proxy,
        "CATALOGUE_URL": postgres.url("catalogue"), "TOUCHLINE_HOSTS": ",".join(hosts),
        "GPU_SLOTS_PER_CHUNK": "1",
        "AIRFLOW__API__HOST": address, "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__PARALLELISM": "64",
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "AIRFLOW__CELERY__BROKER_URL": redis.url, "AIRFLOW__CELERY__RESULT_BACKEND": redis.url,
        "AIRFLOW_CONN_TOUCHLINE_API": f"http://{USER}:{password_of(state)}@{address}:{port}",
        **settings,
    }


def _write_plan(state: Path, environ: Mapping[str, str], hosts: Mapping[str, Host], network: HostNetwork,
                flower: Flower) -> None:
    address, port = flower.url.removeprefix("http://").split(":")
    control = {
        "scheduler": [AIRFLOW, "scheduler", "--skip-serve-logs"],
        "triggerer": [AIRFLOW, "triggerer", "--skip-serve-logs"],
        "dag-processor": [AIRFLOW, "dag-processor"],
        "flower": [AIRFLOW, "celery", "flower", "--hostname", address, "--port", port,
                   "--basic-auth", f"{USER}:{flower.password}"],
        "api-server": [AIRFLOW, "api-server"],
    }
    workers: dict[str, Any] = {}
    for host in hosts.values():
        host.scratch_dir.mkdir(parents=True)
        own = {"TOUCHLINE_HOST": host.name, "SCRATCH_DIR": str(host.scratch_dir), "DOCKER_HOST": host.engine.address}
        workers |= {name: _part(network.inside(host.name, argv), own) for name, argv in host.parts.items()}
        if host.is_main:
            sampler = _part([PYTHON, "-m", "touchline_airflow.sampler"], own)
    user = ["--username", USER, "--password", password_of(state), "--role", "Admin", "--firstname", USER,
            "--lastname", USER, "--email", "admin@example.org"]
    plan = {
        "url": environ["AIRFLOW__API__BASE_URL"], "environ": dict(environ),
        "before": [[AIRFLOW, "db", "migrate"], [PYTHON, "-m", "touchline_airflow.airflow_settings"],
                   [AIRFLOW, "users", "create", *user]],
        "parts": {**workers, **{name: _part(argv, {}) for name, argv in control.items()}, "sampler": sampler},
    }
    with os.fdopen(os.open(state / "plan.json", os.O_WRONLY | os.O_CREAT, 0o600), "w") as handle:
        json.dump(plan, handle)


def _part(argv: list[str], environ: Mapping[str, str]) -> dict[str, Any]:
    return {"argv": argv, "environ": dict(environ), "grace_sec": 3}


def _worker_argv(name: str, queues: list[str], concurrency: int) -> list[str]:
    return [AIRFLOW, "celery", "worker", "--skip-serve-logs", "--queues", ",".join(queues),
            "--concurrency", str(concurrency), "--celery-hostname", name]


def _wait_for_workers(flower: Flower, hosts: Mapping[str, Host]) -> None:
    wanted = {f"{part.rpartition('-')[2]}@{host.name}" for host in hosts.values() for part in host.parts}
    wait_for(f"the workers {wanted}", lambda: wanted <= flower.workers(), UP_SEC, poll_sec=1)
