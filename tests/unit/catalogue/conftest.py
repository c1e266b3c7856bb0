"""Every test of the catalogue runs on SQLite and, where a driver is installed (the Airflow side), on PostgreSQL."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

DATABASES = ("sqlite", "postgresql") if find_spec("psycopg2") else ("sqlite",)


@pytest.fixture(params=DATABASES)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of a database without tables."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("new_database")())
    return f"sqlite:///{tmp_path / 'deep' / 'catalogue.db'}"
