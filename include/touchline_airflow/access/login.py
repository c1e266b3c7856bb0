"""How does one log in to the embedded Airflow? With a password that its state folder got at the first start.

It is in `STATE/login.json`, readable by its owner only, in the form that Airflow's SimpleAuthManager reads. Delete
the file and start again for another password.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from touchline.errors import UsageError

USER = "admin"


def login_file(state: Path) -> Path:
    """Where the password of this state folder is."""
    return state / "login.json"


def provide_password(state: Path) -> str:
    """The password of this state folder; made and written if there is none yet.

    Raises:
        UsageError: the file is there and holds no password.
    """
    path = login_file(state)
    if not path.exists():
        state.mkdir(parents=True, exist_ok=True)
        making = path.with_suffix(".part")
        making.unlink(missing_ok=True)
        with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            json.dump({USER: secrets.token_urlsafe(15)}, handle)
        making.rename(path)
    return password_of(state)


def password_of(state: Path) -> str:
    """The password that was made for this state folder.

    Raises:
        UsageError: there is none, or the file cannot be read.
    """
    path = login_file(state)
    try:
        password = json.loads(path.read_text())[USER]
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds no password"
        raise UsageError(f"{path} cannot be used ({reason}): delete it and start Airflow again, "
                         "which makes a new one") from None
    return str(password)
