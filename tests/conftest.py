"""What every test may ask for: the repository, and settings whose folders are the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from touchline.settings import Settings

ROOT = Path(__file__).resolve().parent.parent


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
