"""What is sent when a step or a run ends; each metric is in the table once and is taken by one rule."""

from __future__ import annotations

import ast
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

import touchline_airflow
from support.statsd_wire import Wire, rules_for
from touchline.catalogue import actions, matches, reels, runs
from touchline.catalogue.runs import StageTime
from touchline.domain.layout import WorkFiles
from touchline.errors import INFRASTRUCTURE, RECORDING, STOPPED, STORAGE, Failure, UsageError
from touchline.results.result import reuse_or_compute
from touchline.settings import Settings
from touchline_airflow.capacity.disk_space import NoSpaceYetError
from touchline_airflow.metrics import table
from touchline_airflow.metrics.mapping import mapping
from touchline_airflow.metrics.metric import Gauge, Histogram, Metric, look_up_again, slug
from touchline_airflow.metrics.run_ended import run_ended, run_refused
from touchline_airflow.metrics.step_ended import step_ended
from touchline_airflow.metrics.table import EVENTS, JOBS, QUEUE_DEPTH, STAGE_DURATION, TABLE

MATCH, RUN = "cup-final-0123456789ab", "run-1"
PACKAGE = Path(touchline_airflow.__file__).parent
DONE = StageTime("scan", "", 4000, True, None, {"wall_s": 2.0})


def test_a_label_is_a_slug_on_the_wire(wire: Wire) -> None:
    EVENTS.add(3, label="Shots on target")
    assert wire.lines() == ["touchline.pipeline_events_detected_total.shots_on_target:3|c"]
    assert (slug("Été & fils"), slug("..."), slug("light@gpu-1")) == ("t_fils", "none", "light_gpu-1")


def test_seconds_go_as_milliseconds_and_a_gauge_is_never_a_difference(wire: Wire) -> None:
    STAGE_DURATION.observe(1.5, stage="scan")
    QUEUE_DEPTH.set(-1)
    assert wire.lines() == ["touchline.pipeline_stage_duration_seconds.scan:1500.000000|ms",
                            "touchline.pipeline_queue_depth:0|g"]


def test_nothing_is_sent_where_airflow_sends_nothing(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_ON", "false")
    look_up_again()
    QUEUE_DEPTH.set(1)
    assert wire.lines() == []


def test_an_address_that_is_not_found_harms_nobody(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__METRICS__STATSD_HOST", "nowhere.invalid")
    look_up_again()
    QUEUE_DEPTH.set(1)
    assert wire.lines() == []


def test_other_labels_than_the_table_has_are_refused(wire: Wire) -> None:
    with pytest.raises(ValueError, match=r"has the labels \('outcome',\), not \('state',\)"):
        JOBS.add(state="published")


def test_every_metric_has_one_name_one_rule_and_a_meaning() -> None:
    assert len({metric.name for metric in TABLE}) == len(TABLE)
    rules = mapping()["mappings"]
    for metric in TABLE:
        assert re.fullmatch("pipeline_[a-z_]+", metric.name) and metric.unit and metric.meaning
        sent = "touchline." + metric.sent_as(dict.fromkeys(metric.labels, "any"))
        (rule,) = rules_for(sent, rules)
        assert rule["name"] == metric.name and list(rule["labels"]) == list(metric.labels)
        assert ("ttl" in rule) == isinstance(metric, Gauge)
        assert ("histogram_options" in rule) == isinstance(metric, Histogram)


def test_each_is_sent_by_somebody_with_its_own_labels() -> None:
    named = {name: metric for name, metric in vars(table).items() if isinstance(metric, Metric)}
    used = set()
    for path in PACKAGE.rglob("*.py"):
        if path != Path(table.__file__):
            nodes = list(ast.walk(ast.parse(path.read_text())))
            used |= {node.id for node in nodes if isinstance(node, ast.Name)}
            for call in nodes:
                if (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
                        and isinstance(call.func.value, ast.Name) and call.func.value.id in named):
                    given = {keyword.arg for keyword in call.keywords}
                    assert given == set(named[call.func.value.id].labels), f"{path}:{call.lineno}"
    assert set(named) - used == set()


@pytest.fixture
def files(own_settings: Settings) -> WorkFiles:
    """A match of 60 s, with one chunk that has 10 s of hot windows, and a reel of 8 s."""
    files = WorkFiles(own_settings.working_dir, MATCH)
    chunk = {"chunk_id": "chunk-0001", "start_ms": 0, "end_ms": 60_000, "hot": [[0, 4000], [20_000, 26_000]]}
    for path, result in ((files.scan, {"duration_ms": 60_000}), (files.chunks, {"chunks": [chunk]}),
                         (files.reel("keeper"), {"name": "keeper", "duration_ms": 8000})):
        reuse_or_compute(path, path.stem, {}, lambda result=result: result)
    return files


@pytest.mark.parametrize(("stage", "part", "speed"), [
    ("scan", "", "30.0"), ("spot_chunk", "chunk-0001", "5.0"), ("render_reel", "keeper", "4.0"), ("probe", "", None)])
def test_the_speed_of_a_step_is_footage_by_computing_time(stage: str, part: str, speed: str | None, files: WorkFiles,
                                                          wire: Wire) -> None:
    step_ended(replace(DONE, stage=stage, part=part), 1, files)
    sent = wire.values()
    assert sent[f"pipeline_stage_duration_seconds.{stage}"] == "4000.000000|ms"
    assert sent.get(f"pipeline_stage_speed_ratio.{stage}") == (speed and f"{speed}|g")
    assert ("pipeline_gpu_seconds_total" in sent) == (stage == "spot_chunk")


def test_a_try_that_failed_and_one_that_was_tried_again_are_counted(files: WorkFiles, wire: Wire,
                                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COST_PER_CPU_HOUR", "3.6")
    step_ended(replace(DONE, done=False, failure=Failure(INFRASTRUCTURE, "no room"), stats=None), 2, files)
    assert wire.values() == {"pipeline_stage_duration_seconds.scan": "4000.000000|ms",
                             "pipeline_stage_retries_total.scan": "1|c", "pipeline_stage_failures_total.scan": "1|c",
                             "pipeline_cost_total": "0.004|c"}


def test_a_try_that_found_its_work_done_has_only_been_tried_again(files: WorkFiles, wire: Wire,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COST_PER_GPU_HOUR", "3.6")
    step_ended(replace(DONE, stage="spot_chunk", part="chunk-0001", reused=True), 2, files)
    assert wire.values() == {"pipeline_stage_retries_total.spot_chunk": "1|c"}


def test_a_result_that_is_away_costs_the_speed_only(own_settings: Settings, wire: Wire) -> None:
    step_ended(DONE, 1, WorkFiles(own_settings.working_dir, MATCH))
    assert list(wire.values()) == ["pipeline_stage_duration_seconds.scan"]


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    """A match of 60 s whose run has ended after 10 s."""
    address = own_settings.catalogue_address
    matches.register(address, MATCH, "f" * 64, "/nas/Cup final.mp4")
    matches.update(address, MATCH, duration_ms=60_000)
    runs.begin(address, RUN, MATCH)
    return own_settings


def test_a_published_run_tells_what_it_found_and_took(settings: Settings, wire: Wire) -> None:
    address = settings.catalogue_address
    shot = {"match_ms": 5, "half": 1, "position_ms": 5, "label": "Shots on target", "confidence": 0.5, "source": "mark"}
    actions.replace(address, MATCH, [shot, {**shot, "match_ms": 9}])
    reels.replace(address, MATCH, [{"name": "keeper", "clips": [], "frames": 0, "duration_ms": 0}])
    runs.note_stage(address, RUN, DONE)
    time.sleep(0.01)
    runs.end(address, RUN)
    run_ended(MATCH, RUN, None, settings, is_news=True)
    sent = wire.values()
    assert sent["pipeline_jobs_total.published"] == "1|c"
    assert sent["pipeline_events_detected_total.shots_on_target"] == "2|c"
    assert sent["pipeline_job_duration_seconds.keeper"] == sent["pipeline_match_duration_seconds.published"]
    assert float(sent["pipeline_match_speed_ratio"].removesuffix("|g")) > 1
    assert not [name for name in sent if name.startswith("pipeline_jobs_failed_total")]


def test_a_failed_run_tells_whose_fault_it_was(settings: Settings, wire: Wire) -> None:
    bad = Failure(RECORDING, "Cup final.mp4 is no MP4")
    runs.note_stage(settings.catalogue_address, RUN, StageTime("probe", "", 5, False, bad))
    runs.end(settings.catalogue_address, RUN, bad)
    run_ended(MATCH, RUN, bad, settings, is_news=True)
    sent = wire.values()
    assert (sent["pipeline_jobs_total.failed"], sent["pipeline_jobs_failed_total.recording"]) == ("1|c", "1|c")
    assert not [name for name in sent if name.startswith(("pipeline_job_duration", "pipeline_events"))]


def test_a_run_that_never_began_is_counted_without_a_duration(settings: Settings, wire: Wire) -> None:
    run_ended(MATCH, "another", Failure(STOPPED, "the run was deleted in Airflow"), settings, is_news=True)
    assert {"pipeline_jobs_total.failed", "pipeline_jobs_failed_total.stopped"} <= set(sent := wire.values())
    assert not [name for name in sent if "duration" in name]


def test_a_run_that_was_refused_is_counted_once(settings: Settings, wire: Wire) -> None:
    run_refused(None, UsageError("RECORDING=/etc/passwd lies outside of NAS_MOUNT_PATH").failure, settings)
    assert wire.values() == {"pipeline_jobs_total.failed": "1|c", "pipeline_jobs_failed_total.setting": "1|c"}
    run_refused(MATCH, Failure(STORAGE, "away"), settings)  # registered: `tidy` closes it
    assert wire.values() == {}
    matches.update(settings.catalogue_address, MATCH, status="failed")
    run_refused(MATCH, NoSpaceYetError("waiting for space: 3 GB more").failure, settings)
    assert wire.values() == {"pipeline_jobs_total.failed": "1|c", "pipeline_jobs_failed_total.storage": "1|c"}


def test_a_catalogue_that_is_away_fails_nothing(settings: Settings, wire: Wire) -> None:
    away = replace(settings, catalogue_url="postgresql+psycopg2://nobody@127.0.0.1:1/catalogue")
    run_ended(MATCH, RUN, None, away, is_news=True)
    assert wire.values() == {"pipeline_jobs_total.published": "1|c"}


def test_a_mistake_of_ours_costs_no_match(files: WorkFiles, wire: Wire, caplog: pytest.LogCaptureFixture) -> None:
    step_ended(replace(DONE, stats={"wall_s": "a while"}), 1, files)
    assert list(wire.values()) == ["pipeline_stage_duration_seconds.scan"]
    assert "Metrics were not sent: unsupported operand" in caplog.text and "Traceback" in caplog.text
