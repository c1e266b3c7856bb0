"""Which revisions of its tables does the installed Airflow know? Read from its migrations, without importing it."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_REVISION = re.compile(r'^revision(?:: str)? = "(\w+)"', re.MULTILINE)
_BEFORE = re.compile(r'^down_revision(?:: str)? = "(\w+)"', re.MULTILINE)


def is_known(revision: str | None) -> bool:
    """Whether the installed Airflow can use tables of this revision, or bring them up; None: there are no tables."""
    return revision is None or revision in _migrations()


def is_current(revision: str | None) -> bool:
    """Whether tables of this revision are those of the installed Airflow; None: there are no tables to bring up."""
    migrations = _migrations()
    return revision is None or revision in set(migrations) - {before for before in migrations.values() if before}


@cache
def _migrations() -> dict[str, str | None]:
    """Every revision with the one before it; none where Airflow is not installed."""
    spec = find_spec("airflow")
    found: dict[str, str | None] = {}
    for place in spec.submodule_search_locations or () if spec else ():
        for path in Path(place).glob("migrations/versions/*.py"):
            content = path.read_text()
            if revision := _REVISION.search(content):
                before = _BEFORE.search(content)
                found[revision[1]] = before[1] if before else None
    return found
