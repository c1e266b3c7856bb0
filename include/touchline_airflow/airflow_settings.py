"""Which pools, connections and variables does touchline need? Puts airflow_settings.yaml into a plain Airflow.

Run it with Airflow's interpreter and environment: `python -m touchline_airflow.airflow_settings [--overwrite] [FILE]`.
It may run any number of times: it makes what is missing and leaves what the operator changed; `--overwrite` sets all
back.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from touchline_airflow.checkout import ROOT

SETTINGS_FILE = ROOT / "airflow_settings.yaml"


def main() -> int:
    """Read the file, apply it, say what was done."""
    parser = argparse.ArgumentParser(description="Put airflow_settings.yaml into this Airflow.")
    parser.add_argument("file", nargs="?", type=Path, default=SETTINGS_FILE, metavar="FILE")
    parser.add_argument("--overwrite", action="store_true", help="set what is there already back to the file's values")
    arguments = parser.parse_args()
    for line in apply_settings(read_settings(arguments.file, os.environ), overwrite=arguments.overwrite):
        print(line)
    return 0


def read_settings(path: Path, environ: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The sections `pools`, `connections`, `variables`, with `${NAME}` replaced; an unset name is an error."""
    content = yaml.safe_load(path.read_text())["airflow"]
    return {name: _filled(content.get(name) or [], environ) for name in ("pools", "connections", "variables")}


def apply_settings(settings: Mapping[str, list[dict[str, Any]]], *, overwrite: bool = False) -> list[str]:
    """Write them to Airflow's database; returns one line per thing that was made or set."""
    from airflow.utils.session import create_session

    done: list[str] = []
    with create_session() as session:
        for pool in settings["pools"]:
            done += _apply_pool(session, pool, overwrite)
        for connection in settings["connections"]:
            done += _apply_connection(session, connection, overwrite)
        for variable in settings["variables"]:
            done += _apply_variable(session, variable, overwrite)
    return done


def _apply_pool(session: Any, wanted: Mapping[str, Any], overwrite: bool) -> list[str]:
    from airflow.models.pool import Pool

    pool = session.query(Pool).filter(Pool.pool == wanted["pool_name"]).one_or_none()
    if pool and not overwrite:
        return []
    pool = pool or Pool(pool=wanted["pool_name"])
    pool.include_deferred = bool(wanted.get("pool_include_deferred", False))
    pool.slots, pool.description = int(wanted["pool_slot"]), wanted.get("pool_description", "")
    session.add(pool)
    return [f"pool {pool.pool}: {pool.slots}"]


def _apply_connection(session: Any, wanted: Mapping[str, Any], overwrite: bool) -> list[str]:
    import json

    from airflow.models.connection import Connection

    connection = session.query(Connection).filter(Connection.conn_id == wanted["conn_id"]).one_or_none()
    if connection and not overwrite:
        return []
    connection = connection or Connection(conn_id=wanted["conn_id"])
    connection.conn_type, connection.description = wanted["conn_type"], wanted.get("conn_description", "")
    connection.host, connection.port = wanted.get("conn_host"), wanted.get("conn_port")
    connection.login = wanted.get("conn_login")
    connection.set_password(wanted.get("conn_password"))
    connection.set_extra(json.dumps(wanted.get("conn_extra") or {}))
    session.add(connection)
    return [f"connection {wanted['conn_id']}"]


def _apply_variable(session: Any, wanted: Mapping[str, Any], overwrite: bool) -> list[str]:
    from airflow.models.variable import Variable

    name = wanted["variable_name"]
    if session.query(Variable).filter(Variable.key == name).one_or_none() and not overwrite:
        return []
    Variable.set(name, wanted["variable_value"], description=wanted.get("variable_description"), session=session)
    return [f"variable {name}"]


def _filled(content: Any, environ: Mapping[str, str]) -> Any:
    if isinstance(content, dict):
        return {name: _filled(value, environ) for name, value in content.items()}
    if isinstance(content, list):
        return [_filled(value, environ) for value in content]
    if isinstance(content, str):
        return re.sub(r"\$\{([A-Z_]+)\}", lambda found: environ[found[1]], content)
    return content


if __name__ == "__main__":
    sys.exit(main())
