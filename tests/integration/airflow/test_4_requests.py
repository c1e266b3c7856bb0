"""Runs that are started by hand: with the command line, twice at once, and with values that nobody should give."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from support.running_airflow import RunningAirflow
from touchline.catalogue import matches, runs
from touchline_airflow.access.rest import ApiError


def test_two_runs_of_a_match_at_once_take_turns_and_reuse_its_results(airflow: RunningAirflow, published: str) -> None:
    conf = {"recording": str(airflow.nas / "first.mp4")}
    match_id = airflow.api.run("process_match", published)["conf"]["match_id"]
    written = airflow.files(match_id).spottings("chunk-0000").stat().st_mtime_ns
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda name: airflow.command(
            "dags", "trigger", "process_match", "--run-id", name, "--conf", json.dumps(conf)), ("hand-1", "hand-2")))
    assert [process.returncode for process in done] == [0, 0], [process.stderr[-500:] for process in done]
    assert [airflow.finish(name)["state"] for name in ("hand-1", "hand-2")] == ["success", "success"]
    first, second = [run for run in runs.of_match(airflow.catalogue, match_id) if run["run_id"].startswith("hand-")]
    assert first["ended_at_ms"] <= second["started_at_ms"], "both worked on the match at the same time"
    assert airflow.files(match_id).spottings("chunk-0000").stat().st_mtime_ns == written


REFUSED_AT_ONCE: tuple[dict[str, Any], ...] = (
    {}, {"recording": ""}, {"recording": 5}, {"recording": ["a.mp4"]}, {"recording": "first.mp4", "reels": ["nope"]},
    {"recording": "first.mp4", "reels": []}, {"recording": "first.mp4", "reels": "highlights"},
    {"recording": "first.mp4", "force": "yes"}, {"recording": "first.mp4", "match_id": 5},
)


@pytest.mark.parametrize("conf", REFUSED_AT_ONCE, ids=json.dumps)
def test_what_does_not_fit_the_params_is_refused_by_the_api(airflow: RunningAirflow, conf: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as refused:
        airflow.api.trigger("process_match", conf)
    assert refused.value.status in (400, 422)


REFUSED_BY_THE_FIRST_TASK = ("/etc/passwd", "../secret.mp4", "-rf", "[1]", "$(id); rm -rf /", "{{ var.value.x }}.mp4",
                             "output")


def test_paths_that_are_not_ours_fail_in_the_first_task_with_one_clear_line(
        airflow: RunningAirflow, published: str) -> None:
    started = {path: airflow.api.trigger("process_match", {"recording": path})["dag_run_id"]
               for path in REFUSED_BY_THE_FIRST_TASK}
    before = len(matches.every(airflow.catalogue))
    for path, run_id in started.items():
        assert airflow.finish(run_id)["state"] == "failed", path
        tasks = airflow.tasks(run_id)
        assert tasks["open_match", -1]["state"] == "failed" and tasks["open_match", -1]["try_number"] == 1
        assert tasks["probe", -1]["state"] == "upstream_failed"
        log = airflow.api.log("process_match", run_id, "open_match", 1)
        assert any("recording" in line for line in log[-6:]), log[-6:]
    assert len(matches.every(airflow.catalogue)) == before


def test_a_name_that_looks_like_an_option_is_a_name(airflow: RunningAirflow, published: str) -> None:
    (airflow.nas / "-rf.mp4").write_bytes((airflow.nas / "first.mp4").read_bytes())
    run_id = airflow.api.trigger("process_match", {"recording": "-rf.mp4"})["dag_run_id"]
    assert airflow.finish(run_id)["state"] == "success"
