"""What environment does the embedded Airflow get? Configuration by AIRFLOW__ variables only; no airflow.cfg is read."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from touchline_airflow.access.login import USER, login_file, provide_password
from touchline_airflow.access.state_folder import folders, keys_file, metadata_address
from touchline_airflow.checkout import ROOT, python_path
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.runtime.choice import decide_runtime


def airflow_environment(state: Path, nas: Path, output: Path, port: int, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of all processes. The caller's variables win, except those that bind Airflow to 127.0.0.1."""
    given = {**tuning(), **_for_one_machine(), **folders(state), **environ,
             **_fixed(state, nas, output, port, environ)}
    _ = DeploymentSettings.from_env(given).host_names  # a wrong one is told here, not by an API server that never comes
    # Decided here, once: a restart of anything must not change how steps run.
    return {**given, "TOUCHLINE_RUNTIME": decide_runtime(given)}


def _fixed(state: Path, nas: Path, output: Path, port: int, environ: Mapping[str, str]) -> dict[str, str]:
    home = state / "airflow"
    url = f"http://127.0.0.1:{port}"
    database = metadata_address(state, environ)
    keys = _keys(keys_file(state))
    return {
        "NAS_MOUNT_PATH": str(nas),
        "NAS_OUTPUT_PATH": str(output),
        "PYTHONPATH": python_path(environ),
        "PATH": os.pathsep.join([str(ROOT / ".venv" / "bin"), environ.get("PATH", os.defpath)]),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONFIG": str(home / "airflow.cfg"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "TOUCHLINE_METADATA_URL": database,  # for the tasks, from which Airflow hides its own variable
        "AIRFLOW_CONN_TOUCHLINE_API": f"http://{USER}:{provide_password(state)}@127.0.0.1:{port}",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(login_file(state)),
        "AIRFLOW__CORE__FERNET_KEY": keys["fernet"],
        # The dates of `airflow backfill create` are days of the people here.
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": environ.get("TIMEZONE") or "UTC",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__SECRET_KEY": keys["secret"],
        "AIRFLOW__API_AUTH__JWT_SECRET": keys["jwt"],
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "task-logs"),
        "AIRFLOW__DAG_PROCESSOR__CHILD_PROCESS_LOG_DIRECTORY": str(home / "dag-logs"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(home / "dag-logs"),
    }


def tuning() -> dict[str, str]:
    """What holds for every Airflow of touchline, from docker/airflow.env."""
    lines = (ROOT / "docker" / "airflow.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _for_one_machine() -> dict[str, str]:
    # The pools cap the work; this many idle worker processes share their memory with the scheduler.
    return {"AIRFLOW__CORE__PARALLELISM": "16"}


def _keys(path: Path) -> dict[str, str]:
    """Secrets of this state folder, made once; readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        keys = {"fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                "secret": secrets.token_hex(32), "jwt": secrets.token_hex(64)}
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            json.dump(keys, handle)
    return dict(json.loads(path.read_text()))
