"""Where is Airflow's own database? Also asked inside a task, from which Airflow hides it."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping

from touchline.errors import SettingError, TouchlineError

_AIRFLOWS_OWN = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
_HIDDEN = "airflow-db-not-allowed"  # what Airflow puts in its place inside a task


def metadata_url(environ: Mapping[str, str]) -> str:
    """SQLAlchemy URL of Airflow's database; it may hold a password: never log it.

    `TOUCHLINE_METADATA_URL`, else what the command in `TOUCHLINE_METADATA_URL_CMD` prints, else Airflow's own
    variables of both kinds. The steps never get these variables (`runtime.choice.PASSED_ON`).

    Raises:
        SettingError: no variable names it.
        TouchlineError: the command failed.
    """
    for name in ("TOUCHLINE_METADATA_URL", _AIRFLOWS_OWN):
        if url := configured(name, environ):
            return url
    raise SettingError("the address of Airflow's database is not known: set TOUCHLINE_METADATA_URL, or "
                       "TOUCHLINE_METADATA_URL_CMD to a command that prints it")


def configured(name: str, environ: Mapping[str, str]) -> str:
    """A variable's value, or what the command in `<name>_CMD` prints, as Airflow reads its own; else empty.

    Raises:
        TouchlineError: the command failed.
    """
    value = environ.get(name, "").strip()
    if value and not value.startswith(_HIDDEN):
        return value
    command = environ.get(f"{name}_CMD", "").strip()
    return _printed(f"{name}_CMD", command) if command else ""


def _printed(name: str, command: str) -> str:
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=30, check=True)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        # Not the error's own text: it holds the command and what it printed.
        raise TouchlineError(f"the command in {name} failed ({type(error).__name__}): run it by hand") from None
    if not done.stdout.strip():
        raise TouchlineError(f"the command in {name} printed nothing: run it by hand")
    return done.stdout.strip()
