"""Clear tasks of a finished run and let them run again: every figure is as before, but for the number of tries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from support.running_airflow import SETTINGS, RunningAirflow
from support.statsd_wire import Totals
from touchline.catalogue import runs, schema
from touchline.catalogue.connection import reading
from touchline.domain.step_table import STEPS
from touchline.settings import Settings
from touchline_airflow.books.costs import cost_of, cost_today
from touchline_airflow.books.expected import usual_seconds
from touchline_airflow.deployment import DeploymentSettings

FIGURES = r"pipeline_(jobs_(total|failed)|match_|events|cost_total|gpu_seconds|stage_(duration|speed|failures))"
"""All that is told of matches and their steps. What is sampled, as the queue, and the retries are not."""
RATES = DeploymentSettings(cost_per_gpu_hour=2, cost_per_cpu_hour=0.1)
TASKS = ("open_match", "list_chunks", "list_reels", *(step.name for step in STEPS), "close_match")


class Figures:
    """All that a match's run has left in metrics, costs, norm and catalogue."""

    def __init__(self, airflow: RunningAirflow, statsd: Totals, run_id: str) -> None:
        self.airflow, self.statsd, self.run_id = airflow, statsd, run_id

    def now(self) -> dict[str, Any]:
        settings = replace(Settings.from_env(SETTINGS), working_dir=self.airflow.working_dir)
        address = settings.catalogue_address
        return {"metrics": self.statsd.now(FIGURES), "cost": cost_of(runs.stages(address, self.run_id), RATES),
                "cost today": cost_today(settings, RATES), "norm": usual_seconds(600_000, settings),
                **self._catalogue(address)}

    def clear(self, *task_ids: str) -> set[str]:
        """Clear these with what lies downstream; returns the tasks that ran again."""
        before = self._tries()
        self.airflow.api.clear("process_match", self.run_id, list(task_ids))
        assert self.airflow.finish(self.run_id)["state"] == "success"
        after = self._tries()
        assert set(after) == set(before)
        return {name for (name, _), tries in after.items() if tries > before[name, _]}

    def _tries(self) -> dict[tuple[str, int], int]:
        return {key: task["try_number"] for key, task in self.airflow.tasks(self.run_id).items()}

    def _catalogue(self, address: str) -> dict[str, Any]:
        """Every row, but for when a match's row was written last."""
        tables = (schema.matches, schema.runs, schema.stage_times, schema.publications, schema.actions, schema.reels)
        with reading(address) as connection:
            return {table.name: [{name: value for name, value in row.items() if name != "updated_at_ms"}
                                 for row in connection.execute(table.select()).mappings()] for table in tables}


@pytest.fixture
def figures(airflow: RunningAirflow, statsd: Totals, published: str) -> Figures:
    found = Figures(airflow, statsd, published)
    told = found.now()
    assert told["metrics"]["pipeline_jobs_total.published"] >= 1
    assert told["cost"].amount > 0 and told["norm"]
    assert {row["status"] for row in told["runs"]} == {"published"}
    return found


@pytest.mark.verify
def test_a_run_that_is_cleared_as_a_whole_twice_leaves_every_figure_as_it_was(figures: Figures) -> None:
    before = figures.now()
    for _ in range(2):
        assert figures.clear("open_match") == set(TASKS)
        assert figures.now() == before


@pytest.mark.verify
@pytest.mark.parametrize("task_id", TASKS)
def test_each_task_is_cleared_twice(figures: Figures, task_id: str) -> None:
    before = figures.now()
    for _ in range(2):
        assert task_id in figures.clear(task_id)
        after = figures.now()
        assert after.pop("metrics").items() ^ before["metrics"].items() == set()
        assert after == {name: value for name, value in before.items() if name != "metrics"}
