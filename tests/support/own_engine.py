"""How does a test get an engine that it may kill, with the worker's image on it?"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from touchline import __version__
from touchline_deploy.build.engine import HOW_TO_RUN, Engine, default_folder

IMAGE = f"touchline-worker:{__version__}"


@contextlib.contextmanager
def own_engine() -> Iterator[Engine]:
    """An engine that may be killed, with the worker's image from the engine that others use."""
    folder = Path(tempfile.mkdtemp(prefix="touchline-kill-"))
    engine = Engine(folder)
    try:
        engine.start()
        with subprocess.Popen(["docker", "save", IMAGE], env=_of_others(), stdout=subprocess.PIPE) as save:
            subprocess.run(["docker", "load"], env={**os.environ, "DOCKER_HOST": engine.address}, stdin=save.stdout,
                           stdout=subprocess.DEVNULL, check=True)
        yield engine
    finally:
        engine.stop()
        shutil.rmtree(folder, ignore_errors=True)


def missing_for_containers() -> str:
    """What keeps us from killing containers here; empty when nothing does."""
    if os.geteuid() != 0:
        return "an engine of our own needs root"
    if not shutil.which("dockerd"):
        return f"dockerd is missing: run `{HOW_TO_RUN} start`, which installs it"
    found = subprocess.run(["docker", "image", "inspect", IMAGE], env=_of_others(), capture_output=True, check=False)
    return f"{IMAGE} is on no engine: run make images" if found.returncode else ""


def _of_others() -> dict[str, str]:
    return {**os.environ, "DOCKER_HOST": os.environ.get("DOCKER_HOST") or Engine(default_folder()).address}
