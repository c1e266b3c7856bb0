"""Files that are made from code are current."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from touchline.settings import Settings
from touchline_deploy.generated.docs import PAGES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("name", "render"), PAGES.items())
def test_a_generated_file_is_current(name: str, render: Callable[[], str]) -> None:
    if name == "docs/dags.md" and not (ROOT / ".venv" / "bin" / "airflow").exists():
        pytest.skip("Airflow is not installed in .venv")
    assert (ROOT / name).read_text() == render(), f"{name} is out of date: run make docs"


def test_every_setting_is_on_its_page():
    page = (ROOT / "docs" / "configuration.md").read_text()
    assert not [item.name for item in fields(Settings) if f"| `{item.name.upper()}` |" not in page]


def test_every_dag_answers_the_operators_questions():
    page = (ROOT / "docs" / "dags.md").read_text()
    dags = page.split("\n## ")[1:]
    assert len(dags) == len(list((ROOT / "dags").glob("*.py")))
    for section in dags:
        for question in ("What it makes", "When it runs", "If it fails", "Safe to rerun?"):
            assert f"\n### {question}\n" in section, f"{section.splitlines()[0]} does not answer: {question}"
