"""A night starts a match once, when its turn has come, and says what became of it."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DagRunTriggerException, TaskDeferred

from touchline.catalogue import matches, recordings, runs
from touchline.results.request import REELS, make_request
from touchline.settings import Settings
from touchline_airflow.backfill.make_match import MakeMatch
from touchline_airflow.backfill.survey import Wish, survey
from touchline_airflow.ingest.standing_still import take_look

BEGUN = datetime(2026, 2, 1, 0, 0, 5, tzinfo=UTC)


class Airflow:
    """As much of Airflow as a task asks: a run of a kind, states of other runs, XComs."""

    def __init__(self, kind: str = "backfill") -> None:
        self.states: dict[str, str] = {}
        self.told: list[str] = []
        run = SimpleNamespace(run_type=kind, data_interval_start=None, data_interval_end=BEGUN, start_date=BEGUN,
                              run_after=BEGUN)
        self.context: Any = {"dag_run": run, "params": {}, "ti": self, "run_id": "x"}

    def xcom_push(self, key: str, value: Any) -> None:
        if key == "outcome":
            self.told = value[1:]

    def get_dagrun_state(self, _dag_id: str, run_id: str) -> str:
        from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
        from airflow.sdk.execution_time.comms import ErrorResponse

        if run_id not in self.states:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.GENERIC_ERROR, detail={"status_code": 404}))
        return self.states[run_id]


@pytest.fixture
def settings(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("nas_mount_path", "nas_output_path", "working_dir", "scratch_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(own_settings, name)))
    monkeypatch.setenv("INGEST_SINCE", "2026-01-01")
    return Settings.from_env()


@pytest.fixture
def path(settings: Settings) -> Path:
    """A recording of long ago that was checked and is good."""
    path = settings.nas_mount_path / "2025-11-01 cup {{ x }}.mp4"
    path.write_text("content")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def task(settings: Settings) -> MakeMatch:
    """For the only work that there is; its recording was checked meanwhile."""
    [work], _ = survey(Wish(), settings, UTC)
    looks = [take_look(Path(one), None) for one in (work.recording, *work.more)]
    recordings.note_looks(settings.catalogue_address, [look for look in looks if look])
    return MakeMatch(task_id="make_match", work=work.plain())


def test_a_match_is_triggered_under_a_name_of_the_night(settings: Settings, path: Path) -> None:
    airflow, made = Airflow(), make_request([path]).match_id
    with pytest.raises(DagRunTriggerException) as raised:
        task(settings).execute(airflow.context)
    assert (raised.value.trigger_dag_id, raised.value.dag_run_id) == ("process_match", f"nightly__{made}__1")
    assert raised.value.conf == {"recording": str(path), "match_id": made, "reels": list(REELS)}
    assert raised.value.wait_for_completion and raised.value.deferrable and raised.value.skip_when_already_exists
    row = recordings.find(settings.catalogue_address, str(path))
    assert row and (row.status, row.match_id) == ("registered", made)
    assert matches.every(settings.catalogue_address) == []  # the ingest would start it at once


def test_halves_that_were_never_ingested_are_one_match(settings: Settings, path: Path) -> None:
    path.rename(path.with_name("reds 2nd half.mp4"))
    (path.with_name("reds 1st half.mp4")).write_bytes(b"first half")
    os.utime(path.with_name("reds 1st half.mp4"), (1_700_000_000, 1_700_000_000))
    late, airflow = task(settings), Airflow()
    with pytest.raises(DagRunTriggerException) as raised:
        late.execute(airflow.context)
    first, second = (str(path.with_name(f"reds {half} half.mp4")) for half in ("1st", "2nd"))
    made = make_request([Path(first), Path(second)]).match_id
    assert raised.value.conf == {"recording": first, "more_recordings": [second], "match_id": made,
                                 "reels": list(REELS)}
    assert [(row.status, row.match_id) for row in recordings.every(settings.catalogue_address).values()] == [
        ("registered", made)] * 2


def test_a_run_that_ended_is_not_taken_for_a_new_one(settings: Settings, path: Path) -> None:
    airflow, made = Airflow(), make_request([path]).match_id
    airflow.states = {f"nightly__{made}__1": "failed"}
    with pytest.raises(DagRunTriggerException) as raised:
        task(settings).execute(airflow.context)
    assert raised.value.dag_run_id == f"nightly__{made}__2"


def test_a_task_that_was_killed_finds_the_run_that_it_started(settings: Settings, path: Path) -> None:
    airflow, made = Airflow(), make_request([path]).match_id
    first = task(settings)
    with pytest.raises(DagRunTriggerException):
        first.execute(airflow.context)
    airflow.states = {f"nightly__{made}__1": "running"}
    with pytest.raises(TaskDeferred) as raised:
        first.execute(airflow.context)
    assert raised.value.method_name == "execute_complete"
    assert raised.value.trigger.run_ids == [f"nightly__{made}__1"]
    # The same when its first task has taken the match.
    matches.register(settings.catalogue_address, made, make_request([path]).fingerprints[0], str(path))
    matches.take_lease(settings.catalogue_address, made, f"nightly__{made}__1", lambda _: True)
    matches.update(settings.catalogue_address, made, status="processing")
    with pytest.raises(TaskDeferred):
        first.execute(airflow.context)


def test_a_match_that_somebody_else_makes_is_left_alone(settings: Settings, path: Path) -> None:
    airflow, request = Airflow(), make_request([path])
    late = task(settings)
    matches.register(settings.catalogue_address, request.match_id, request.fingerprints[0], str(path))
    matches.take_lease(settings.catalogue_address, request.match_id, "manual__1", lambda _: True)
    matches.update(settings.catalogue_address, request.match_id, status="processing")
    airflow.states = {"manual__1": "running"}
    with pytest.raises(AirflowSkipException):
        late.execute(airflow.context)
    assert airflow.told == ["left alone", request.match_id, "run manual__1 works on it"]


def test_a_match_that_was_made_meanwhile_is_left_alone(settings: Settings, path: Path) -> None:
    airflow, request = Airflow(), make_request([path])
    late = task(settings)
    matches.register(settings.catalogue_address, request.match_id, request.fingerprints[0], str(path))
    matches.update(settings.catalogue_address, request.match_id, status="published")
    with pytest.raises(AirflowSkipException):
        late.execute(airflow.context)
    assert airflow.told == ["left alone", request.match_id, "published"]


def test_the_content_of_another_match_is_a_duplicate(settings: Settings, path: Path) -> None:
    airflow, request = Airflow(), make_request([path])
    late = task(settings)
    matches.register(settings.catalogue_address, request.match_id, request.fingerprints[0], "/nas/other.mp4")
    matches.update(settings.catalogue_address, request.match_id, status="published")
    with pytest.raises(AirflowSkipException):
        late.execute(airflow.context)
    assert airflow.told == ["left alone", path.name, "has the same content as /nas/other.mp4"]
    row = recordings.find(settings.catalogue_address, str(path))
    assert row and row.status == "duplicate"


def test_it_waits_while_the_day_has_work_and_begins_after_it(settings: Settings, path: Path) -> None:
    airflow, address = Airflow(), settings.catalogue_address
    waiting = task(settings)
    matches.register(address, "league-0123456789ab", "e" * 64, "/nas/league.mp4")
    runs.begin(address, "match__league-0123456789ab__1", "league-0123456789ab")
    with pytest.raises(TaskDeferred) as raised:
        waiting.execute(airflow.context)
    assert raised.value.method_name == "take_turn"
    with pytest.raises(DagRunTriggerException):
        waiting.take_turn(airflow.context, {"over": None})
    with pytest.raises(AirflowSkipException):
        waiting.take_turn(airflow.context, {"over": "the working day has begun: left for the next night"})
    assert airflow.told == ["left alone", path.name, "the working day has begun: left for the next night"]


def test_a_scheduled_run_starts_nothing_after_its_night(settings: Settings, path: Path) -> None:
    airflow = Airflow("scheduled")  # of a night in February 2026
    with pytest.raises(AirflowSkipException, match="the working day has begun"):
        task(settings).execute(airflow.context)


@pytest.mark.parametrize(("state", "told"), [
    ("success", ["done", "cup-0123456789ab", "published"]),
    ("failed", ["broken", "cup-0123456789ab", "the disk is full"]),
])
def test_how_it_ended_is_told(settings: Settings, path: Path, state: str, told: list[str]) -> None:
    airflow, run_id = Airflow(), "nightly__cup-0123456789ab__1"
    matches.register(settings.catalogue_address, "cup-0123456789ab", "e" * 64, "/nas/cup.mp4")
    matches.update(settings.catalogue_address, "cup-0123456789ab", status="failed", reason="the disk is full",
                   cause="storage")
    event = ("a.trigger", {"run_ids": [run_id], run_id: state})
    if state == "failed":
        with pytest.raises(AirflowFailException, match="the disk is full"):
            task(settings).execute_complete(airflow.context, event)
    else:
        task(settings).execute_complete(airflow.context, event)
    assert airflow.told == told
