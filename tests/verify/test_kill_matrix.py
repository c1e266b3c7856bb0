"""Whatever is killed, whenever: every match is published once with the right files, and nothing is left.

KILL_SEED chooses other moments, KILL_REPORT is a folder for the tables.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support.full_stack import missing_for_the_stack
from support.own_engine import missing_for_containers
from verify.kill_matrix import Outcome, run_matrix, table

pytestmark = pytest.mark.verify
SEED = int(os.environ.get("KILL_SEED", "1"))


def run(runtime: str, folder: Path, half: slice = slice(None)) -> list[Outcome]:
    outcomes = run_matrix(runtime, SEED, folder, half=half)
    print(table(outcomes))
    if report := os.environ.get("KILL_REPORT"):
        (Path(report) / f"kills-{runtime}{half.start or ''}.md").write_text(table(outcomes) + "\n")
    return outcomes


def test_processes(tmp_path: Path) -> None:
    outcomes = run("process", tmp_path)
    assert sum(outcome.hit for outcome in outcomes) >= 40
    assert [outcome for outcome in outcomes if outcome.wrong] == []


def test_containers(tmp_path: Path) -> None:
    if missing := missing_for_containers():
        assert os.environ.get("TOUCHLINE_ENGINE") != "required", missing
        pytest.skip(missing)
    outcomes = run("docker", tmp_path)
    assert sum(outcome.hit for outcome in outcomes) >= 25
    assert [outcome for outcome in outcomes if outcome.wrong] == []


@pytest.mark.parametrize("half", [slice(0, None, 2), slice(1, None, 2)], ids=["stack-0", "stack-1"])
def test_the_full_stack(tmp_path: Path, half: slice) -> None:
    if missing := missing_for_the_stack():
        assert os.environ.get("TOUCHLINE_ENGINE") != "required", missing
        pytest.skip(missing)
    outcomes = run("stack", tmp_path, half)
    assert sum(outcome.hit for outcome in outcomes) >= 14
    assert [outcome for outcome in outcomes if outcome.wrong] == []
