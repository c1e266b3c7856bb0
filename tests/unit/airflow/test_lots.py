"""The first start on an archive of 1,100 recordings: they are taken in lots that Airflow can map over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from touchline.catalogue import schema
from touchline.catalogue.connection import writing
from touchline.settings import Settings
from touchline_airflow import lots
from touchline_airflow.ingest import standing_still, tasks
from touchline_airflow.ingest.sensor import RecordingSensor

ALL = 1100


@pytest.fixture
def settings(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("nas_mount_path", "nas_output_path", "working_dir", "scratch_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(own_settings, name)))
    monkeypatch.setenv("WATCH_STABLE_TIME_SEC", "1")
    return Settings.from_env()


def test_recordings_are_due_in_lots_and_each_gets_its_turn(settings: Settings) -> None:
    for number in range(ALL):
        (settings.nas_mount_path / f"match{number}.mp4").write_text(f"film {number}")
    standing_still.find_due(settings, 0)
    seen: set[str] = set()
    for _ in range(ALL // lots.LOT):
        lot = RecordingSensor(task_id="x").execute({})  # type: ignore[arg-type]
        assert len(lot) == lots.LOT and not seen & set(lot)
        seen |= set(lot)
        # Not complete yet: due again later, after those that never had a turn.
        with writing(settings.catalogue_address) as connection:
            connection.execute(schema.recordings.update().where(schema.recordings.c.path.in_(lot)),
                               {"checked_at_ms": 1})
    assert len(seen) == ALL


def test_what_the_trigger_found_is_one_lot(settings: Settings) -> None:
    due = [f"/nas/{number}.mp4" for number in range(ALL)]
    assert RecordingSensor(task_id="x").execute_complete({}, {"due": due}) == due[:lots.LOT]  # type: ignore[arg-type]


def test_airflows_own_limit_goes_before_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lots.most_at_once() == lots.LOT
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "7")
    assert lots.most_at_once() == 7


def test_runs_are_started_in_lots_and_none_twice(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with writing(settings.catalogue_address) as connection:
        connection.execute(schema.matches.insert(), [
            {"match_id": f"m-{number:012x}", "fingerprint": f"{number:064x}", "recording": f"/nas/{number}.mp4",
             "status": "registered", "attempt": 1, "created_at_ms": number, "updated_at_ms": number}
            for number in range(ALL)])
    queued: set[str] = set()
    monkeypatch.setattr(tasks, "get_current_context", lambda: {"ti": SimpleNamespace()})
    monkeypatch.setattr(tasks, "run_state", lambda _ti, run_id: "queued" if run_id in queued else None)
    started: list[Any] = []
    while lot := tasks._without_airflow_run(settings):
        assert len(lot) <= lots.LOT
        started += lot
        queued |= {f"match__{match_id}__1" for match_id in lot}
    assert len(started) == len(set(started)) == ALL
