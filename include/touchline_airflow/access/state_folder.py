"""What lies where in the state folder of an embedded Airflow, and does that Airflow run?"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from touchline_airflow.checkout import ROOT

DEMO = ROOT / ".demo"
"""The state folder of `make demo`."""


def folders(state: Path) -> dict[str, str]:
    """The settings that name its folders; a variable that is set wins."""
    return {"WORKING_DIR": str(state / "work"), "SCRATCH_DIR": str(state / "scratch"),
            "BACKUP_DIR": str(state / "backups"), "BACKUP_SECRETS": str(keys_file(state))}


def keys_file(state: Path) -> Path:
    """The keys of this Airflow; made at the first start, readable by their owner only."""
    return state / "keys.json"


def metadata_address(state: Path, environ: Mapping[str, str]) -> str:
    """Airflow's own database: SQLite, unless TOUCHLINE_METADATA_URL names another."""
    return environ.get("TOUCHLINE_METADATA_URL") or f"sqlite:///{state / 'airflow' / 'airflow.db'}"


def supervisor_lock(state: Path) -> Path:
    """Held by the one supervisor of this state folder, and by what must not run beside it."""
    return state / "supervisor.lock"


def status_of(state: Path) -> dict[str, Any]:
    """What its supervisor wrote down last: address, process ids, runtime; empty where none runs."""
    with contextlib.suppress(OSError, ValueError):
        return dict(json.loads((state / "status.json").read_text()))
    return {}


def running_url(state: Path) -> str:
    """Where the Airflow of this state folder answers while it runs, else empty."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        status = status_of(state)
        os.kill(int(status["supervisor"]), 0)
        return str(status["url"])
    return ""
