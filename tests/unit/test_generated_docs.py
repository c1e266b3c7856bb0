"""Pages that are made from code are current."""

from __future__ import annotations

import importlib.util
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from touchline.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_pages", ROOT / "scripts" / "docs.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["configuration.md", "cli.md", "dags.md"])
def test_a_generated_page_is_current(name, pages):
    if name == "dags.md" and not (ROOT / ".venv" / "bin" / "airflow").exists():
        pytest.skip("Airflow is not installed in .venv")
    assert (ROOT / "docs" / name).read_text() == pages.PAGES[name](), f"docs/{name} is out of date: run make docs"


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
