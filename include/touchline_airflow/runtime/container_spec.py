"""What may the container of a step do, and what is it called? Plain data; the engine is asked nothing here."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from docker.types import LogConfig, Mount, Ulimit

from touchline import lifeline, mounted
from touchline.domain.step_table import STEPS, Need
from touchline.known_models import known_at
from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.runtime.choice import OWN_OF_AIRFLOW
from touchline_airflow.runtime.mounts import Shown

LABEL = "touchline"
_USE_GPU = frozenset(step.name for step in STEPS if Need.GPU in step.needs)


@dataclass(frozen=True)
class Place:
    """Which try of which task a container works for."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    try_number: int
    match_id: str = ""


@dataclass(frozen=True)
class ContainerSpec:
    """All that Docker gets: `limits` for the host config, `use_gpu` as in USE_GPU, all else of the container."""

    name: str
    image: str
    command: Sequence[str]
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    user: str
    use_gpu: str
    limits: Mapping[str, Any]


def container_spec(place: Place, image: str, command: Sequence[str], mounts: Sequence[Shown],
                   environ: Mapping[str, str] | None = None) -> ContainerSpec:
    """A container without network, capabilities or a writable root, with the least that a step needs."""
    environ = os.environ if environ is None else environ
    deployment, settings = DeploymentSettings.from_env(environ), Settings.from_env(environ)
    ours = deployment_of(settings)
    use_gpu = settings.use_gpu if place.task_id in _USE_GPU else "false"
    return ContainerSpec(
        container_name(ours, place), image, list(command), {**_environment(environ, mounts), **_detector(settings)},
        _labels(ours, place),
        deployment.user, use_gpu, _limits(deployment, settings, mounts))


def deployment_of(settings: Settings) -> str:
    """Tells the containers of two Airflows on one engine apart: they have different WORKING_DIRs."""
    return _digest(str(settings.working_dir))


def container_name(ours: str, place: Place) -> str:
    """Of 30 characters, the same for all tries of a task, so that a leftover of an earlier try is found."""
    return f"touchline-{_digest(ours, place.dag_id, place.run_id, place.task_id, str(place.map_index))}"


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:20]


def _labels(ours: str, place: Place) -> dict[str, str]:
    return {f"{LABEL}.deployment": ours, **{f"{LABEL}.{name}": str(value) for name, value in vars(place).items()}}


def _environment(environ: Mapping[str, str], mounts: Sequence[Shown]) -> dict[str, str]:
    names = (item.name.upper() for item in fields(Settings) if item.name not in OWN_OF_AIRFLOW)
    return {**{name: environ[name] for name in names if environ.get(name)}, lifeline.VARIABLE: "stdin",
            mounted.VARIABLE: json.dumps({str(shown.path): shown.identity for shown in mounts}),
            "HOME": "/tmp",  # noqa: S108
            "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def _detector(settings: Settings) -> dict[str, str]:
    """Airflow's side chooses the detector, by name where it has one: an image without it fails and takes no other."""
    known = known_at(settings.yolo_model_path)
    return {"YOLO_MODEL_PATH": known.name} if known else {}


def _limits(deployment: DeploymentSettings, settings: Settings, mounts: Sequence[Shown]) -> dict[str, Any]:
    memory = deployment.container_memory_mib << 20
    return {
        "network_mode": "none", "ipc_mode": "private", "privileged": False,
        "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"],
        "read_only": True, "tmpfs": {str(path): _tmpfs(deployment) for path in (Path("/tmp"), settings.scratch_dir)},  # noqa: S108
        "mounts": [Mount(target=str(shown.path), source=str(shown.source), type="bind", read_only=not shown.writable)
                   for shown in mounts],
        "mem_limit": memory, "memswap_limit": memory, "pids_limit": deployment.container_pids, "shm_size": "128m",
        "ulimits": [Ulimit(name="core", soft=0, hard=0)],
        # Whoever may read the recordings through a group of Airflow's user may do so in the container too.
        "group_add": [str(group) for group in os.getgroups() if group],
        # The task reads the lines as they come and Airflow keeps them: Docker does not have to.
        "log_config": LogConfig(type="none"),
    }


def _tmpfs(deployment: DeploymentSettings) -> str:
    return f"rw,noexec,nosuid,nodev,mode=1777,size={deployment.container_tmp_mib}m"
