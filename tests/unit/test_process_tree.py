"""What a killed supervisor left is ended, and nobody else."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from touchline_deploy.embedded import process_tree


@pytest.fixture
def left(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "600"], cwd=tmp_path, start_new_session=True) as process:
        yield process
        process.kill()


def record(folder: Path, process: subprocess.Popen[bytes]) -> Path:
    (folder / "sessions.json").write_text(json.dumps({"scheduler": process.pid}))
    return folder / "sessions.json"


def test_a_member_that_ends_while_it_is_looked_at_spares_nobody(
        left: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    members = process_tree.session_members
    seen = iter([[left.pid, ended.pid]])  # by the first look; later ones see what is there
    monkeypatch.setattr(process_tree, "session_members", lambda session: next(seen, None) or members(session))
    process_tree.end_recorded_sessions(record(tmp_path, left), tmp_path)
    assert left.wait(5) != 0


def test_a_session_that_works_elsewhere_is_a_strangers(left: subprocess.Popen[bytes], tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    process_tree.end_recorded_sessions(record(tmp_path, left), tmp_path / "state")
    assert left.poll() is None
