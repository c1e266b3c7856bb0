"""Which work goes first? Registered in `plugins/priorities.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.task.priority_strategy import PriorityWeightStrategy

from touchline.domain.run_id import is_of_a_backfill, is_of_the_ingest

if TYPE_CHECKING:
    from airflow.models.taskinstance import TaskInstance

STEP = 1000
"""More than a DAG has tasks: the kind of run counts more than the stage."""


def urgency(run_id: str) -> int:
    """2 for a run that was started by hand, 1 for one of the ingest, 0 for one of the backfill."""
    if is_of_a_backfill(run_id):
        return 0
    return 1 if is_of_the_ingest(run_id) else 2


class FinishFirst(PriorityWeightStrategy):
    """Runs that a person started, then what was ingested, then the backfill; within these, late stages first.

    Airflow's default goes the other way: all matches would be probed before one is rendered, and all end last. Among
    tasks of the same weight Airflow takes the run with the earlier logical date, so matches end one after another.
    """

    def get_weight(self, ti: TaskInstance) -> int:
        """The kind of run, from its id, and how many tasks come before this one in the DAG."""
        return STEP * urgency(ti.run_id or "") + len(ti.task.get_flat_relative_ids(upstream=True))
