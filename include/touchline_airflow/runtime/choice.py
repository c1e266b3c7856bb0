"""How does a step run here, where is its command, and what of our environment may it see?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import fields
from pathlib import Path

from touchline.errors import SettingError, TouchlineError
from touchline.settings import Settings
from touchline_airflow.checkout import ROOT
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.runtime.docker_engine import connect, fetch_image

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES",
             "NVIDIA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "PYTHONPATH", "NO_COLOR")
"""What a step gets beside its settings. Not Airflow's own variables: they hold keys and the database's address."""

OWN_OF_AIRFLOW = ("catalogue_url", "catalogue_url_file")
"""Settings that no step needs: the catalogue's address holds a password."""


def decide_runtime(environ: Mapping[str, str]) -> str:
    """Say once, when the deployment starts, how steps run: "docker" or "process".

    `auto` is docker where an engine answers that has the worker's image.

    Raises:
        SettingError: TOUCHLINE_RUNTIME has a value that is not known.
        EngineError, SettingError: it is docker, and there is no engine or no image.
    """
    wanted = _wanted_runtime(environ)
    if wanted == "process":
        return wanted
    try:
        with closing(connect(environ=environ)) as client:
            fetch_image(client, DeploymentSettings.from_env(environ).touchline_worker_image)
        return "docker"
    except TouchlineError:
        if wanted == "docker":
            raise
        return "process"


def chosen_runtime(environ: Mapping[str, str]) -> str:
    """What was decided when the deployment started; never decided again for a task.

    An engine that restarts must not send untrusted media into a process without a sandbox.

    Raises:
        SettingError: nothing was decided.
    """
    wanted = _wanted_runtime(environ)
    if wanted == "auto":
        raise SettingError("TOUCHLINE_RUNTIME is not decided: set it to docker or process where Airflow is started")
    return wanted


def _wanted_runtime(environ: Mapping[str, str]) -> str:
    return DeploymentSettings.from_env(environ).touchline_runtime


def touchline_path(environ: Mapping[str, str] | None = None) -> str:
    """The `touchline` command of the worker's virtual environment (TOUCHLINE_BIN, else beside the project).

    Raises:
        SettingError: it is not there.
    """
    environ = os.environ if environ is None else environ
    path = Path(environ.get("TOUCHLINE_BIN") or ROOT / ".venv-worker" / "bin" / "touchline")
    if not os.access(path, os.X_OK):
        raise SettingError(f"{path} is not there: run `make install`, or set TOUCHLINE_BIN to the worker's touchline")
    return str(path)


def step_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a step: its settings and a few variables of the system, nothing else."""
    environ = os.environ if environ is None else environ
    names = (*PASSED_ON, *(item.name.upper() for item in fields(Settings) if item.name not in OWN_OF_AIRFLOW))
    return {name: environ[name] for name in names if name in environ} | {"PYTHONUNBUFFERED": "1"}


def step_argv(step: str, *arguments: str, force: bool = False) -> list[str]:
    """What follows `touchline`; what follows `--` is never taken for an option.

    ("spot_chunk", "final-0123456789ab", "chunk-0002") → ["spot-chunk", "--", "final-0123456789ab", "chunk-0002"]
    """
    return [step.replace("_", "-"), *(["--force"] if force else []), "--", *arguments]
