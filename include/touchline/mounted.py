"""Does this container see the very files that the Airflow side looked at when it chose them?

The Docker engine finds the host's files by name, and later: a name may lead elsewhere by then. So whoever starts a
step says which files they are, and the step compares before it opens any of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from touchline.errors import TouchlineError

VARIABLE = "TOUCHLINE_MOUNTED"
"""JSON: path → `identity`; set in a step's container only."""


def identity(status: os.stat_result) -> str:
    """Tells a file or folder from every other one of this machine: "device:inode", the same in each container."""
    return f"{status.st_dev}:{status.st_ino}"


def refuse_exchanged(environ: Mapping[str, str]) -> None:
    """Go on only where every mount is what it should be; nothing to do outside a container.

    Raises:
        TouchlineError: one is not.
    """
    for name, wanted in json.loads(environ.get(VARIABLE) or "{}").items():
        try:
            found = identity(Path(name).stat())
        except OSError as error:
            found = str(error.strerror)
        if found != wanted:
            raise TouchlineError(f"{name} is not the one that was there when this step was begun ({wanted}, now "
                                 f"{found}): it was exchanged meanwhile, the task is tried again")
