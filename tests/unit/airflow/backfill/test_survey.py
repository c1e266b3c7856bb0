"""What is work for the night, what is left alone, and what is broken."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from touchline.catalogue import matches, recordings, runs
from touchline.catalogue.failures import columns_of
from touchline.catalogue.runs import StageTime
from touchline.domain.layout import WorkFiles
from touchline.errors import INFRASTRUCTURE, RECORDING, STOPPED, Failure, StorageError
from touchline.results.request import make_request
from touchline.results.result import reuse_or_compute
from touchline.settings import Settings
from touchline.sidecars.read import sidecar_digest
from touchline_airflow.backfill import survey as room
from touchline_airflow.backfill.survey import BROKEN, LEFT, Told, Wish, Work, survey
from touchline_airflow.ingest.standing_still import take_look

LAST_SEASON = datetime(2025, 11, 1, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    """The ingest takes what was written in 2026."""
    return replace(own_settings, ingest_since="2026-01-01")


def drop(settings: Settings, name: str, content: str = "") -> Path:
    """A recording of last season."""
    path = settings.nas_mount_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content or name)
    os.utime(path, (LAST_SEASON, LAST_SEASON))
    return path


def seen(settings: Settings, path: Path, **columns: object) -> None:
    look = take_look(path, None)
    assert look
    recordings.note_looks(settings.catalogue_address, [look])
    recordings.update(settings.catalogue_address, str(path), **columns)


def match(settings: Settings, path: Path, status: str, failure: Failure | None = None) -> str:
    """The match of a recording, as a run left it."""
    request = make_request([path])
    matches.register(settings.catalogue_address, request.match_id, request.fingerprints[0], str(path))
    matches.update(settings.catalogue_address, request.match_id, status=status, **columns_of(failure))
    seen(settings, path, status="registered", match_id=request.match_id)
    return request.match_id


def failed(settings: Settings, path: Path, cause: str, *run_ids: str) -> str:
    failure = Failure(cause, "it went wrong")
    match_id = match(settings, path, "failed", failure)
    for run_id in run_ids or ("match__x__1",):
        runs.begin(settings.catalogue_address, run_id, match_id)
        runs.note_stage(settings.catalogue_address, run_id, StageTime("probe", "", 1, False, failure))
        runs.end(settings.catalogue_address, run_id, failure)
    return match_id


def look(settings: Settings, wish: Wish | None = None) -> tuple[list[Work], list[Told]]:
    return survey(wish or Wish(), settings, UTC)


def test_what_the_ingest_leaves_is_work_the_newest_match_first(settings: Settings) -> None:
    paths = [drop(settings, name) for name in ("2025-08-30 a.mp4", "2025-10-11 c.mp4", "2025-09-13/b.mp4")]
    work, told = look(settings)
    assert [(Path(one.recording).name, one.day) for one in work] == [
        ("2025-10-11 c.mp4", "2025-10-11"), ("b.mp4", "2025-09-13"), ("2025-08-30 a.mp4", "2025-08-30")]
    assert all(one.is_new and one.why == "never ingested" and one.match_id is None for one in work) and not told
    os.utime(paths[0])
    work, told = look(settings)
    assert len(work) == 2 and told == [Told(LEFT, "2025-08-30 a.mp4", "the ingest takes it")]


def test_without_ingest_since_the_ingest_takes_all(settings: Settings) -> None:
    drop(settings, "2025-08-30 a.mp4")
    assert look(replace(settings, ingest_since=""))[0] == []


def test_a_backfill_run_is_bound_to_its_days(settings: Settings) -> None:
    for day in (12, 13, 14):
        drop(settings, f"2025-09-{day} match.mp4")
    work, told = look(settings, Wish(days=(date(2025, 9, 13), date(2025, 9, 14))))
    assert [one.day for one in work] == ["2025-09-13"] and not told


@pytest.mark.parametrize(("status", "line"), [
    ("published", "published"),
    ("processing", "run of the day works on it"),
    ("registered", "it came in and waits for its run"),
])
def test_what_is_made_or_done_is_left_alone(settings: Settings, status: str, line: str) -> None:
    match_id = match(settings, drop(settings, "cup.mp4"), status)
    assert look(settings) == ([], [Told(LEFT, match_id, line)])


def test_who_works_on_a_match_is_told(settings: Settings) -> None:
    match_id = match(settings, drop(settings, "cup.mp4"), "processing")
    matches.take_lease(settings.catalogue_address, match_id, "match__x__1", lambda _: True)
    assert look(settings)[1] == [Told(LEFT, match_id, "run match__x__1 works on it")]


def test_a_match_that_was_registered_and_forgotten_is_work(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    match_id = match(settings, drop(settings, "cup.mp4"), "registered")
    now = room.now_ms()
    monkeypatch.setattr(room, "now_ms", lambda: now + room.FORGOTTEN_MS + 1000)
    assert [(one.match_id, one.why) for one in look(settings)[0]] == [(match_id, "registered, and no run has begun")]


def test_a_match_that_failed_by_the_machines_is_work_and_one_that_failed_by_its_recording_is_broken(
        settings: Settings) -> None:
    machines = failed(settings, drop(settings, "a.mp4"), INFRASTRUCTURE, "match__a__1")
    bad = failed(settings, drop(settings, "b.mp4"), RECORDING, "match__b__1")
    work, told = look(settings)
    assert [(one.match_id, one.why, one.is_new) for one in work] == [(machines, "failed: it went wrong", False)]
    assert told == [Told(BROKEN, bad, "it went wrong")]


def test_a_match_that_failed_by_its_notes_is_work_when_these_are_mended(settings: Settings) -> None:
    path = drop(settings, "cup.mp4")
    match_id = failed(settings, path, RECORDING)
    notes = path.with_name("cup.marks.csv")
    notes.write_text("00:12,Save\n")
    os.utime(notes, (LAST_SEASON, LAST_SEASON))
    assert look(settings)[1] == [Told(BROKEN, match_id, "it went wrong")]
    later = LAST_SEASON + 10 * 365 * 86_400
    os.utime(notes, (later, later))
    assert [one.match_id for one in look(settings)[0]] == [match_id]


def test_what_failed_in_three_nights_is_left_for_a_person_who_may_ask_for_it(settings: Settings) -> None:
    nights = [f"nightly__a__{number}" for number in (1, 2, 3)]
    match_id = failed(settings, drop(settings, "a.mp4"), INFRASTRUCTURE, *nights[:2])
    assert look(settings)[0]
    failed(settings, drop(settings, "a.mp4"), INFRASTRUCTURE, *nights)
    work, told = look(settings)
    assert not work and [(one.outcome, one.match) for one in told] == [(BROKEN, match_id)]
    assert "in 3 nights" in told[0].line
    assert [one.match_id for one in look(settings, Wish(stubborn=True))[0]] == [match_id]


def test_what_somebody_stopped_is_taken_up_only_on_demand(settings: Settings) -> None:
    stopped = Failure(STOPPED, "the run was marked failed by hand while scan was not done")
    match_id = match(settings, drop(settings, "a.mp4"), "failed", stopped)
    assert [(one.outcome, one.match) for one in look(settings)[1]] == [(LEFT, match_id)]
    assert [one.match_id for one in look(settings, Wish(stubborn=True))[0]] == [match_id]


def test_a_bad_recording_is_broken_until_it_changes(settings: Settings) -> None:
    path = drop(settings, "cup.mp4")
    seen(settings, path, status="bad", reason="there is no video in it")
    assert look(settings) == ([], [Told(BROKEN, "cup.mp4", "there is no video in it")])
    drop(settings, "cup.mp4", "another content")
    assert [one.why for one in look(settings)[0]] == ["never ingested"]


def test_a_duplicate_is_left_alone(settings: Settings) -> None:
    seen(settings, drop(settings, "copy.mp4"), status="duplicate", reason="has the same content as /nas/cup.mp4")
    assert look(settings) == ([], [Told(LEFT, "copy.mp4", "has the same content as /nas/cup.mp4")])


def test_new_marks_of_a_published_match_are_work(settings: Settings) -> None:
    path = drop(settings, "cup.mp4")
    match_id = match(settings, path, "published")
    reuse_or_compute(WorkFiles(settings.working_dir, match_id).probe, "probe", {"sidecar": sidecar_digest(path)},
                     lambda: {"sidecar": None})
    assert look(settings)[0] == []
    path.with_name("marks.csv").write_text("00:12,Save\n")
    assert [(one.match_id, one.why) for one in look(settings)[0]] == [
        (match_id, "its marks or match.toml have changed")]


def test_a_mount_that_is_away_is_no_empty_season(settings: Settings) -> None:
    assert look(settings) == ([], [])  # before the first recording it may be empty
    path = drop(settings, "cup.mp4")
    match(settings, path, "published")
    path.unlink()
    with pytest.raises(StorageError):
        look(settings)


def test_files_that_are_no_recordings_are_nothing(settings: Settings) -> None:
    drop(settings, "notes.txt")
    assert look(settings) == ([], [])
