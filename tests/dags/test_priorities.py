"""What a person asked for goes first, then what was ingested, then the backfill; and matches end one after another."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest


@pytest.fixture(scope="module")
def weight(dags: dict[str, Any]) -> Any:
    """From run id and task to its weight, as the scheduler reckons it from the serialised DAG."""
    from airflow.serialization.serialized_objects import DagSerialization

    dag = DagSerialization.from_dict(DagSerialization.to_dict(dags["process_match"]))

    def reckon(run_id: str, task_id: str) -> int:
        task = dag.get_task(task_id)
        return int(task.weight_rule.get_weight(SimpleNamespace(run_id=run_id, task=task)))

    return reckon


INGESTED, BY_HAND, BACKFILL = "match__cup-0123456789ab__1", "manual__2026-11-22T10:00:00+00:00", "backfill__2026-11-01"


def test_the_kind_of_run_goes_before_the_stage(weight: Any) -> None:
    assert weight(BY_HAND, "probe") > weight(INGESTED, "publish") > weight(INGESTED, "probe") > weight(
        BACKFILL, "publish")


def test_a_match_that_is_nearly_done_goes_before_one_that_begins(weight: Any) -> None:
    stages = ["open_match", "probe", "scan", "spot_chunk", "merge_actions", "render_reel", "publish", "close_match"]
    weights = [weight(INGESTED, stage) for stage in stages]
    assert weights == sorted(weights) and len(set(weights)) == len(weights)
