"""Which metrics do we send about a step's task that has ended?"""

from __future__ import annotations

from dataclasses import replace

from touchline.catalogue.runs import StageTime
from touchline.domain.layout import WorkFiles
from touchline.errors import DamagedResultError
from touchline.results.result import read_result
from touchline_airflow.books.costs import ON_GPU, cost_of
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.metrics.metric import harmless
from touchline_airflow.metrics.table import (
    COST,
    GPU_SECONDS,
    STAGE_DURATION,
    STAGE_FAILURES,
    STAGE_RETRIES,
    STAGE_SPEED,
)


@harmless
def step_ended(ended: StageTime, try_number: int, files: WorkFiles) -> None:
    """Send its duration and cost, whether it failed or was tried again, and how fast it was.

    One that found its work done has only been tried again.
    """
    if try_number > 1:
        STAGE_RETRIES.add(stage=ended.stage)
    if ended.reused:
        return
    seconds = ended.wall_ms / 1000
    STAGE_DURATION.observe(seconds, stage=ended.stage)
    COST.add(round(cost_of([replace(ended, spent_ms=ended.wall_ms)], DeploymentSettings.from_env()).amount, 6))
    if ended.stage in ON_GPU:
        GPU_SECONDS.add(seconds)
    if not ended.done:
        STAGE_FAILURES.add(stage=ended.stage)
    elif (computed_s := (ended.stats or {}).get("wall_s")) and (footage := footage_ms(ended, files)):
        STAGE_SPEED.set(round(footage / 1000 / computed_s, 3), stage=ended.stage)


def footage_ms(stage: StageTime, files: WorkFiles) -> int:
    """Length of what the step worked through; 0 where that says nothing about its speed, or cannot be found out."""
    try:
        if stage.stage == "scan":
            return int(read_result(files.scan).result["duration_ms"])
        if stage.stage == "spot_chunk":
            chunks = {chunk["chunk_id"]: chunk for chunk in read_result(files.chunks).result["chunks"]}
            return sum(end_ms - start_ms for start_ms, end_ms in chunks[stage.part]["hot"])
        if stage.stage == "render_reel":
            return int(read_result(files.reel(stage.part)).result["duration_ms"])
    except (DamagedResultError, KeyError):
        pass
    return 0
