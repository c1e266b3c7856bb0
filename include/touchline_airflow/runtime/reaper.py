"""Which containers of this deployment work for a task that no longer runs? They are removed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping

import docker
from docker.errors import NotFound

from touchline.settings import Settings
from touchline_airflow.runtime.container_spec import LABEL, deployment_of
from touchline_airflow.runtime.docker_engine import engine_errors

TaskStates = Callable[[str, str], Mapping[str, str | None]]
"""From DAG and run to the state of every task instance ("spot_chunk_2": "running"); empty for a run that is gone."""


def reap_containers(client: docker.APIClient, settings: Settings, states_of: TaskStates) -> list[str]:
    """Remove the containers of this host whose task instance does not run; returns what was removed, for the log.

    The list is taken before the states are asked: a container that is in it belongs to a task that ran already, so
    that of a task which starts meanwhile is never removed.

    Raises:
        EngineError: the engine does not answer.
    """
    removed = []
    with engine_errors("looking for containers that were left"):
        ours = {"label": f"{LABEL}.deployment={deployment_of(settings)}"}
        for container in client.containers(all=True, filters=ours):
            place = {key.removeprefix(f"{LABEL}."): value for key, value in container["Labels"].items()}
            if states_of(place["dag_id"], place["run_id"]).get(_name(place)) == "running":
                continue
            with contextlib.suppress(NotFound):
                client.remove_container(container["Id"], force=True, v=True)
                removed.append(f"{_name(place)} of run {place['run_id']} ({container['Status']})")
    return removed


def _name(place: Mapping[str, str]) -> str:
    """As Airflow names the states of task instances."""
    return place["task_id"] if place["map_index"] == "-1" else f"{place['task_id']}_{place['map_index']}"
