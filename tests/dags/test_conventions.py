"""What every DAG of ours has, so that an operator finds the same things at the same place."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "dags").glob("*.py"))
PACKAGE = ROOT / "include" / "touchline_airflow"
SHARED = sorted(PACKAGE.rglob("*.py"))
HEADINGS = ["### What it makes", "### When it runs", "### If it fails", "### Safe to rerun?"]
HEAVY = ("torch", "torchvision", "cv2", "ultralytics", "transformers", "openvino", "onnxruntime")
OWN_TASKS = {"open_match", "list_chunks", "list_reels", "close_match"}

PARSE = """
import importlib.abc, sys
class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in %r:
            raise ImportError(f"{name} must not be needed to parse a DAG")
sys.meta_path.insert(0, Blocker())
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
assert not [name for name in sys.modules if name.partition(".")[0] in %r]
print(sorted(bag.dags))
"""


def test_all_dags_parse_without_any_model_library() -> None:
    done = subprocess.run([sys.executable, "-c", PARSE % (HEAVY, HEAVY), str(ROOT / "dags")], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == str(sorted(path.stem for path in FILES))


@pytest.mark.parametrize("module", SHARED, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_shared_code_names_no_model_library(module: Path) -> None:
    names = {alias.name for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Import)
             for alias in node.names}
    names |= {node.module or "" for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.ImportFrom)}
    assert not {name.partition(".")[0] for name in names} & set(HEAVY)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_a_file_holds_one_dag_and_one_function_of_its_name(file: Path, dags: dict[str, Any]) -> None:
    functions = [node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)]
    assert functions == [file.stem], "a DAG file only wires: other code goes to include/touchline_airflow"
    assert file.stem in dags


@pytest.mark.parametrize("dag_id", [file.stem for file in FILES])
def test_a_dag_says_what_an_operator_asks(dag_id: str, dags: dict[str, Any]) -> None:
    dag = dags[dag_id]
    found = [line for line in (dag.doc_md or "").splitlines() if line.startswith("#")]
    assert found == HEADINGS
    assert "touchline" in dag.tags and len(dag.tags) >= 2
    assert dag.catchup is False
    assert 1 <= dag.max_active_runs <= 16


@pytest.mark.parametrize("dag_id", [file.stem for file in FILES])
def test_a_task_has_retries_that_back_off_and_an_end(dag_id: str, dags: dict[str, Any]) -> None:
    for task in dags[dag_id].tasks:
        settings = getattr(task, "partial_kwargs", None) or vars(task)
        assert settings["execution_timeout"] is not None, task.task_id
        assert settings["retry_exponential_backoff"] > 1, task.task_id
        assert settings["retry_delay"].total_seconds() <= 10, task.task_id
        assert settings["retries"] >= 1 or task.task_id in ("check_recording", "ops"), task.task_id


def test_every_step_of_a_match_is_a_task_of_the_same_name(dags: dict[str, Any]) -> None:
    from touchline.domain.step_table import STEPS

    tasks = [task.task_id for task in dags["process_match"].topological_sort()]
    steps = [step.name for step in STEPS]
    assert [task for task in tasks if task not in OWN_TASKS] == steps
    assert set(tasks) - set(steps) == OWN_TASKS


def test_the_tasks_of_a_match_wait_in_pools_that_are_made(dags: dict[str, Any]) -> None:
    tasks = dags["process_match"].tasks
    pools = {task.task_id: (task.partial_kwargs if task.is_mapped else vars(task))["pool"] for task in tasks}
    heavy = {"scan": "scan", "spot_chunk": "gpu", "render_reel": "render"}
    assert pools == {task.task_id: heavy.get(task.task_id, "light") for task in tasks}
    made = yaml.safe_load((ROOT / "airflow_settings.yaml").read_text())["airflow"]["pools"]
    assert set(pools.values()) <= {pool["pool_name"] for pool in made}


def test_mapped_tasks_have_names_that_start_with_a_word(dags: dict[str, Any]) -> None:
    mapped = {task.task_id: task.partial_kwargs for task in dags["process_match"].tasks if task.is_mapped}
    assert set(mapped) == {"spot_chunk", "render_reel"}
    assert mapped["spot_chunk"]["map_index_template"] == "{{ task.part }}"  # chunk ids begin with "chunk-"
    assert mapped["render_reel"]["map_index_template"].startswith("reel-")


def test_a_match_without_chunks_or_reels_is_not_lost(dags: dict[str, Any]) -> None:
    dag = dags["process_match"]
    assert dag.get_task("merge_actions").trigger_rule == "none_failed"
    assert dag.get_task("publish").trigger_rule == "none_failed"
    assert dag.get_task("close_match").trigger_rule == "all_done"


def test_a_match_is_closed_when_no_part_of_it_works_any_more(dags: dict[str, Any]) -> None:
    assert {"spot_chunk", "render_reel", "publish"} <= dags["process_match"].get_task("close_match").upstream_task_ids


def test_results_go_through_files_and_not_through_xcom(dags: dict[str, Any]) -> None:
    for task in dags["process_match"].tasks:
        if task.task_id not in OWN_TASKS:
            settings = getattr(task, "partial_kwargs", None) or vars(task)
            assert settings.get("do_xcom_push", False) is False, task.task_id


def test_the_ingest_watches_without_soft_fail(dags: dict[str, Any]) -> None:
    from touchline_airflow.ingest.sensor import RecordingSensor

    sensor = dags["ingest_recordings"].get_task("wait_for_recording")
    assert sensor.soft_fail is False and sensor.deferrable is True
    with pytest.raises(ValueError, match="soft_fail"):
        RecordingSensor(task_id="x", soft_fail=True)


def test_the_trigger_comes_back_from_what_airflow_stores() -> None:
    from touchline_airflow.ingest.trigger import RecordingTrigger

    path, arguments = RecordingTrigger(2.5, 300).serialize()
    module, _, name = path.rpartition(".")
    again = getattr(__import__(module, fromlist=[name]), name)(**arguments)
    assert again.serialize() == (path, arguments)
