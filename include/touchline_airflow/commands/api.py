"""Which Airflow does a command talk to, and who logs in there? The options that say it, and a client."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

from touchline.errors import TouchlineError, UsageError
from touchline_airflow.access.login import USER, password_of
from touchline_airflow.access.rest import AirflowApi
from touchline_airflow.access.state_folder import DEMO, running_url

STACK_URL = "http://localhost:8080"


def add_api_options(parser: argparse.ArgumentParser) -> None:
    """Where Airflow is, and the login."""
    parser.add_argument("--url", help=f"where Airflow is (TOUCHLINE_URL, else the running demo, else {STACK_URL})")
    parser.add_argument("--user", default=os.environ.get("TOUCHLINE_USER", USER),
                        help=f"who logs in (TOUCHLINE_USER, else {USER})")
    parser.add_argument("--password-file", type=Path, metavar="FILE",
                        default=os.environ.get("TOUCHLINE_PASSWORD_FILE") or None,
                        help="file with the password (TOUCHLINE_PASSWORD_FILE); else TOUCHLINE_PASSWORD, or asked")


def api_of(arguments: argparse.Namespace, state: Path = DEMO) -> AirflowApi:
    """A client of the Airflow that the options name, else of the one of this state folder while it runs.

    Raises:
        UsageError: the Airflow of `--state` does not run.
        TouchlineError: there is no password.
    """
    is_named = getattr(arguments, "state", None) is not None
    url = arguments.url or ("" if is_named else os.environ.get("TOUCHLINE_URL", ""))
    embedded = "" if url else running_url(state)
    if is_named and not (url or embedded):
        raise UsageError(f"no Airflow runs with {state}: start it, or name its address with --url")
    return AirflowApi(url or embedded or STACK_URL, arguments.user, _password(arguments, state if embedded else None))


def _password(arguments: argparse.Namespace, state: Path | None) -> str:
    if arguments.password_file:
        try:
            return str(Path(arguments.password_file).read_text().strip())
        except (OSError, UnicodeDecodeError) as error:
            raise TouchlineError(f"--password-file {arguments.password_file} cannot be read: {error}") from None
    if password := os.environ.get("TOUCHLINE_PASSWORD"):
        return password
    if state:
        return password_of(state)
    if not sys.stdin.isatty():
        raise TouchlineError("which password? Name its file with --password-file, or set TOUCHLINE_PASSWORD")
    return getpass.getpass(f"Password of {arguments.user}: ")
