"""What every test may ask for: the repository, settings whose folders are the test's own, a real PostgreSQL."""

from __future__ import annotations

import itertools
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from support.services import POSTGRES_PROGRAMS, Postgres
from touchline.settings import Settings

pytest_plugins = ["support.browser"]
ROOT = Path(__file__).resolve().parent.parent

# What tests start as a process of its own uses this checkout too.
os.environ["PYTHONPATH"] = str(ROOT / "include")
# A machine with other work is slow; what a test takes says nothing about whether it is right.
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")


def pytest_configure() -> None:
    """On SIGTERM tests end as with Ctrl-C: what they started is stopped. What they fork ends at once, as always."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _leave)
        os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))


def _leave(_number: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the project."""
    return ROOT


@pytest.fixture
def own_settings(tmp_path: Path) -> Settings:
    """Settings whose four folders lie in the test's temporary folder and exist."""
    folders = {name: tmp_path / name for name in ("nas", "output", "work", "scratch")}
    for folder in folders.values():
        folder.mkdir()
    return Settings(nas_mount_path=folders["nas"], nas_output_path=folders["output"], working_dir=folders["work"],
                    scratch_dir=folders["scratch"])


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of the tests' own. Where it is not installed its tests are skipped, and in CI they fail."""
    if not POSTGRES_PROGRAMS:
        line = "PostgreSQL is not installed (Debian's postgresql): touchline_deploy.build.engine installs it"
        (pytest.fail if os.environ.get("TOUCHLINE_ENGINE") == "required" else pytest.skip)(line)
    # pytest's own folders are closed to PostgreSQL's user.
    with tempfile.TemporaryDirectory(prefix="touchline-postgres-") as folder, Postgres(Path(folder)) as server:
        yield server


@pytest.fixture(scope="session")
def new_database(postgres: Postgres) -> Callable[[], str]:
    """Makes an empty database on it: returns its address."""
    numbers = itertools.count()
    return lambda: postgres.url(f"test_{next(numbers)}")
