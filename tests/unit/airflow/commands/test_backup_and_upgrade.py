"""What `touchline-ops` says by itself about backups and upgrades; what they do is tested with real databases."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from touchline_airflow import cli


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of an embedded Airflow that never ran; the environment is ours until the end of the test."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("TOUCHLINE_", "AIRFLOW"))}
    monkeypatch.setattr(os, "environ", environ)
    return tmp_path / "state"


def test_an_empty_place_has_no_backup(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["backup", "list", "--state", str(state)]) == 0
    assert capsys.readouterr().out == f"0 in {state / 'backups'}\n"


def test_a_restore_without_a_backup_is_one_line(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["backup", "restore", "--state", str(state)]) != 0
    error = capsys.readouterr().err
    assert error.startswith("touchline-ops: ") and error.count("\n") == 1


def test_a_drain_never_asks_another_airflow_than_the_one_that_is_named(
        state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.environ["TOUCHLINE_URL"] = "http://127.0.0.1:9"
    state.mkdir()
    (state / "status.json").write_text(json.dumps({"supervisor": 2**22 + 1, "url": "http://127.0.0.1:9"}))
    assert cli.main(["upgrade", "drain", "--state", str(state)]) == 2
    assert f"no Airflow runs with {state}" in capsys.readouterr().err
