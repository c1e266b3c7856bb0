"""What did work cost? At the rates of the settings, from the times that the catalogue has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from touchline.catalogue import runs
from touchline.catalogue.runs import StageTime
from touchline.domain.step_table import STEPS
from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.local_clock import start_of_day

ON_GPU = frozenset(step.name for step in STEPS if step.is_gpu_time)
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Cost:
    """What some stages took and cost. A chunk counts as time of a GPU also where the CPU works in its place."""

    gpu_seconds: float
    cpu_seconds: float
    amount: float


def cost_of(stages: Iterable[StageTime], rates: DeploymentSettings) -> Cost:
    """Cost of all attempts of these stages (`runs.stages` of a run), failed ones too."""
    gpu_ms = cpu_ms = 0
    for stage in stages:
        gpu_ms += stage.spent_ms if stage.stage in ON_GPU else 0
        cpu_ms += stage.spent_ms if stage.stage not in ON_GPU else 0
    amount = (gpu_ms * rates.cost_per_gpu_hour + cpu_ms * rates.cost_per_cpu_hour) / _HOUR_MS
    return Cost(gpu_ms / 1000, cpu_ms / 1000, amount)


def cost_today(settings: Settings, rates: DeploymentSettings) -> Cost:
    """Cost of what has ended since the day began, of runs that go on too."""
    return cost_of(runs.stages_since(settings.catalogue_address, round(start_of_day().timestamp() * 1000)), rates)
