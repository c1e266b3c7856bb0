"""Which deployment does a command work on? That of `--state`, `.demo`, or that of the environment.

A stack is named by its environment: TOUCHLINE_METADATA_URL, CATALOGUE_URL, WORKING_DIR, NAS_OUTPUT_PATH, BACKUP_DIR…
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from touchline.alone import alone
from touchline.errors import UsageError
from touchline_airflow.access.state_folder import DEMO, folders, keys_file, metadata_address, supervisor_lock
from touchline_airflow.databases.address import metadata_url


def add_place_options(parser: argparse.ArgumentParser) -> None:
    """The options that name an embedded Airflow."""
    parser.add_argument("--state", type=Path, metavar="DIR", help="state folder of an embedded Airflow (default: "
                        ".demo, where the environment names no database)")
    parser.add_argument("--nas", type=Path, metavar="DIR", help="its watched folder (default: STATE/nas)")
    parser.add_argument("--output", type=Path, metavar="DIR", help="its match folders (default: NAS/output)")


def enter(arguments: argparse.Namespace) -> Path | None:
    """Put the deployment's variables into our environment; returns the state folder of an embedded one."""
    state = _state(arguments)
    if state:
        os.environ.update(_environment(state, arguments.nas, arguments.output))
    return state


@contextlib.contextmanager
def stopped(state: Path | None) -> Iterator[None]:
    """Hold the lock of an embedded Airflow, so that it neither runs nor starts meanwhile."""
    if state is None:
        yield
        return
    state.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(alone(supervisor_lock(state), wait=False))
        except BlockingIOError:
            raise UsageError(f"Airflow runs with {state}: end it first") from None
        yield
        (state / "airflow" / "database.stamp").unlink(missing_ok=True)  # its next start looks at the tables again


def _state(arguments: argparse.Namespace) -> Path | None:
    if arguments.state:
        return Path(arguments.state).resolve()
    try:
        metadata_url(os.environ)
    except UsageError:
        return DEMO
    return None


def _environment(state: Path, nas: Path | None, output: Path | None) -> dict[str, str]:
    """The variables of an embedded one. No key is made here: a restore brings them."""
    nas = (nas or state / "nas").resolve()
    keys = keys_file(state)
    fernet = {"AIRFLOW__CORE__FERNET_KEY": json.loads(keys.read_text())["fernet"]} if keys.exists() else {}
    given = {name: os.environ.get(name) or folder for name, folder in folders(state).items()}
    if given["BACKUP_DIR"] == folders(state)["BACKUP_DIR"]:
        Path(given["BACKUP_DIR"]).mkdir(parents=True, exist_ok=True)
    return {**given, **fernet, "NAS_MOUNT_PATH": str(nas), "NAS_OUTPUT_PATH": str((output or nas / "output").resolve()),
            "TOUCHLINE_METADATA_URL": metadata_address(state, os.environ), "AIRFLOW_HOME": str(state / "airflow")}
