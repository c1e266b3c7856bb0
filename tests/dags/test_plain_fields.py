"""No text from outside becomes a template: not in a task of any DAG, not in a task class that somebody adds.

Airflow renders what `expand_kwargs` brings in from another task: a recording named `{{ … }}` ran code on the worker.
"""

from __future__ import annotations

import importlib
import pkgutil
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.definitions.xcom_arg import PlainXComArg, XComArg

import touchline_airflow
from touchline_airflow.plain_fields import PlainFields

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "U15 {{ 6 * 7 }} {% raw %}{{ 6 * 7 }}{% endraw %} 'a' \"b\" $(id) `id` %s {0}.sh"
"""Rendered it would say 42; its ending is one of those for which Airflow looks for a file with a template."""
WORK = {"recording": f"/nas/{HOSTILE}", "day": "2026-01-31", "why": HOSTILE, "match_id": None, "is_new": True}
GIVEN: dict[str, Any] = {"choose_matches": [WORK], "check_recording": [{"path": HOSTILE, "duration_ms": 1}],
                         "open_match": HOSTILE}
"""What tasks give to others; every other task that is asked gives a list with the hostile text."""
DAG_IDS = [file.stem for file in sorted((ROOT / "dags").glob("*.py"))]
WRITTEN_IN_DAG_FILES = {"Ops": "{{ params.… }}", "RecordingSensor": "nothing", "StepTask": "nothing, a parent"}
"""Task classes that take nothing from other tasks, and what a DAG file gives them."""


def task_classes() -> list[type[BaseOperator]]:
    """Every task class that the package defines, in whatever sub-package."""
    found = set()
    for module in pkgutil.walk_packages(touchline_airflow.__path__, "touchline_airflow."):
        if not module.name.endswith("__main__"):
            found |= {item for item in vars(importlib.import_module(module.name)).values()
                      if isinstance(item, type) and issubclass(item, BaseOperator)
                      and item.__module__.startswith("touchline")}
    return sorted(found, key=lambda one: one.__name__)


def resolved(task: Any, give: Any) -> dict[str, Any]:
    """The template fields of a task as its `execute` would find them, where other tasks gave what `give` says."""
    conf = {"recording": HOSTILE, "who": HOSTILE, "why": HOSTILE}
    context: Any = {"ti": SimpleNamespace(map_index=0, _upstream_map_indexes={}, task=None), "run_id": "x",
                    "params": {"action": "status", **conf}, "dag": task.dag, "task": task,
                    "dag_run": SimpleNamespace(conf=conf)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainXComArg, "resolve", lambda self, _context: give.get(self.operator.task_id, [HOSTILE]))
        task.render_template_fields(context, task.dag.get_template_env())
    return {name: getattr(context["task"], name) for name in task.template_fields}


def takes_something(task: Any) -> bool:
    """Whether another task's result is put into one of its fields."""
    return any(True for name in task.template_fields for _ in XComArg.iter_xcom_references(getattr(task, name)))


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_no_task_of_a_dag_renders_what_comes_from_outside(dag_id: str, dags: dict[str, Any]) -> None:
    for task in dags[dag_id].tasks:
        fields = resolved(task, GIVEN)
        assert "42" not in str(fields), f"{task.task_id} renders a text from outside: {fields}"
        if task.is_mapped or takes_something(task):
            assert str(HOSTILE)[1:-1] in str(fields).replace("\\", ""), f"{task.task_id} was given nothing: {fields}"


def test_a_mapped_trigger_of_airflow_would_have_rendered_it() -> None:
    """What ran code before, so that the test above can fail."""
    with DAG("before", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        given = BaseOperator(task_id="given")
        TriggerDagRunOperator.partial(task_id="trigger", trigger_dag_id="x").expand_kwargs(given.output)
    found = resolved(dag.get_task("trigger"), {"given": [{"conf": {"recording": "U15 {{ 6 * 7 }}.mp4"}}]})
    assert found["conf"] == {"recording": "U15 42.mp4"}


def test_the_package_has_task_classes() -> None:
    assert {"CheckRecording", "CheckOldRecording", "MakeMatch", "StartMatch", "MatchStep"} <= {
        kind.__name__ for kind in task_classes()}


@pytest.mark.parametrize("kind", task_classes(), ids=lambda kind: kind.__name__)
def test_a_task_class_of_ours_renders_nothing_that_another_task_gave(kind: type[BaseOperator]) -> None:
    if not kind.template_fields or kind.__name__ in WRITTEN_IN_DAG_FILES:
        return
    assert issubclass(kind, PlainFields), (
        f"{kind.__name__} has template_fields {tuple(kind.template_fields)}: let it inherit from PlainFields first")
    assert kind.render_template is PlainFields.render_template, f"{kind.__name__}: PlainFields is its first parent"
    assert tuple(kind.template_ext) == ()
