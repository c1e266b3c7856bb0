"""Where do the files of the project lie on this machine?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout; in the Airflow image the folder with the same files."""


def python_path(environ: Mapping[str, str]) -> str:
    """PYTHONPATH for a process that needs our packages: they come first."""
    include = str(ROOT / "include")
    others = environ.get("PYTHONPATH", "").split(os.pathsep)
    return os.pathsep.join([include, *(path for path in others if path and path != include)])
