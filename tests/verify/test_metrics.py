"""Everything that is sent during a real run is in the table, and is taken by one rule of the exporter's mapping.

One Airflow with a match that is published and one whose sidecar is bad; a socket of ours stands in StatsD's place.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from support.footage import simulate
from support.running_airflow import SETTINGS, running_airflow
from support.statsd_wire import Wire, rules_for
from support.waiting import wait_for
from touchline_airflow.metrics.table import TABLE

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.verify
SENT_IN_ANY_RUN = {
    "pipeline_jobs_total", "pipeline_job_duration_seconds", "pipeline_match_duration_seconds",
    "pipeline_match_speed_ratio", "pipeline_events_detected_total", "pipeline_gpu_seconds_total", "pipeline_match_cost",
    "pipeline_jobs_failed_total", "pipeline_stage_duration_seconds", "pipeline_stage_speed_ratio",
    "pipeline_stage_failures_total", "pipeline_jobs_running", "pipeline_queue_depth",
    "pipeline_queue_longest_wait_seconds", "pipeline_pool_slots", "pipeline_paused", "pipeline_worker_up",
    "pipeline_cpu_utilization_percent", "pipeline_memory_used_bytes", "pipeline_memory_bytes",
    "pipeline_disk_free_bytes", "pipeline_disk_bytes", "pipeline_nas_up", "pipeline_sampled_timestamp_seconds",
    "pipeline_cost_total", "pipeline_cost_today"}
"""Of a machine without a GPU, with SQLite, in whose time no backup was made and no retry was needed."""


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """All lines of a published and a failed match, without the values."""
    folder = tmp_path_factory.mktemp("metrics")
    wire, lines, ended, began = Wire(), [], threading.Event(), time.monotonic()

    def listen() -> None:
        while not ended.is_set():
            lines.extend(wire.lines())

    listener = threading.Thread(target=listen)
    listener.start()
    try:
        settings = {**SETTINGS, **wire.environment, "COST_PER_GPU_HOUR": "2", "COST_PER_CPU_HOUR": "0.1"}
        with running_airflow(folder, settings) as airflow:
            (airflow.nas / "bad.match.toml").write_text("kits = 1\n")
            for name, seconds, state in (("good", 26, "success"), ("bad", 8, "failed")):
                simulate(folder / name, seconds, seed=seconds).rename(airflow.nas / f"{name}.mp4")
                assert airflow.finish(airflow.run_of(f"{name}.mp4")["dag_run_id"])["state"] == state
            wait_for("one more sample", lambda: any("pipeline_queue_depth" in line for line in lines[-200:]), 60)
    finally:
        ended.set()
        listener.join()
        wire.close()
    ours = sum(line.startswith("touchline.") for line in lines)
    print(f"\n{len(lines)} values in {time.monotonic() - began:.0f} s, {ours} of them ours")
    yield [line.partition(":")[0] for line in lines]


def test_every_metric_of_ours_is_in_the_table_and_taken_by_one_rule(sent: list[str]) -> None:
    rules = yaml.safe_load((ROOT / "docker" / "statsd" / "mapping.yml").read_text())["mappings"]
    ours = {name for name in sent if name.startswith("touchline.")}
    for name in sorted(ours):
        assert [rule["name"] for rule in rules_for(name, rules)] == [name.split(".")[1]]
    seen = {name.split(".")[1] for name in ours}
    assert seen <= {metric.name for metric in TABLE}
    assert seen >= SENT_IN_ANY_RUN, f"not sent: {', '.join(sorted(SENT_IN_ANY_RUN - seen))}"


def test_all_that_airflow_sends_is_kept_by_one_rule_or_dropped(sent: list[str]) -> None:
    *kept, rest = yaml.safe_load((ROOT / "docker" / "statsd" / "mapping.yml").read_text())["mappings"]
    others = {name for name in sent if not name.startswith("touchline.")}
    assert {name for name in others if len(rules_for(name, kept)) == 1}
    for name in sorted(others):
        assert len(rules_for(name, kept)) <= 1 and rules_for(name, [rest]), name
