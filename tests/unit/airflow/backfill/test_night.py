"""A scheduled night ends with the working day or its budget; the day's work goes first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from touchline.catalogue import matches, runs
from touchline.catalogue.runs import StageTime
from touchline.domain.run_id import night_run_id
from touchline.errors import SettingError
from touchline.settings import Settings
from touchline_airflow.backfill import night
from touchline_airflow.backfill.night import Night, night_of, not_now, over
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.hold.hold import release, set_hold

MATCH = "cup-final-0123456789ab"
BEGUN = datetime(2026, 1, 31, 23, 0, 5, tzinfo=UTC)
MIDNIGHT = datetime(2026, 1, 31, 23, 0, tzinfo=UTC)  # in Vienna
VIENNA = DeploymentSettings(timezone="Europe/Vienna", working_day_begins="05:30", backfill_gpu_hours=2.0)


def at(*moment: int) -> int:
    return round(datetime(*moment, tzinfo=UTC).timestamp() * 1000)


def test_a_scheduled_night_ends_when_the_working_day_begins_where_the_people_are() -> None:
    assert night_of(BEGUN, MIDNIGHT, {}, VIENNA) == Night(at(2026, 1, 31, 23, 0, 5), 2.0, at(2026, 2, 1, 4, 30))
    later = datetime(2026, 2, 1, 12, tzinfo=UTC)  # one that was made late by a day of the scheduler's absence
    assert night_of(later, MIDNIGHT, {}, VIENNA).ends_ms == at(2026, 2, 1, 4, 30)
    assert night_of(BEGUN, datetime(2026, 2, 1, 4, 30, tzinfo=UTC), {}, VIENNA).ends_ms == at(2026, 2, 2, 4, 30)


@pytest.mark.parametrize(("zone", "clock", "midnight", "ends"), [
    ("Europe/Vienna", "05:00", "2026-03-28T23:00", "2026-03-29T03:00"),
    ("Europe/Vienna", "02:30", "2026-03-28T23:00", "2026-03-29T01:30"),  # skipped
    ("Europe/Vienna", "05:00", "2026-10-24T22:00", "2026-10-25T04:00"),
    ("Europe/Vienna", "02:30", "2026-10-24T22:00", "2026-10-25T01:30"),  # twice
    ("Africa/Cairo", "00:30", "2026-04-23T22:00", "2026-04-23T22:30"),  # no midnight, and no half past
    ("America/Havana", "00:30", "2026-11-01T05:00", "2026-11-01T05:30")])  # both twice
def test_a_night_in_which_the_clocks_change_ends_in_the_morning_of_its_day(zone: str, clock: str, midnight: str,
                                                                          ends: str) -> None:
    begins = datetime.fromisoformat(midnight).replace(tzinfo=UTC)
    found = night_of(begins, begins, {}, DeploymentSettings(timezone=zone, working_day_begins=clock))
    assert found.ends_ms == round(datetime.fromisoformat(ends).replace(tzinfo=UTC).timestamp() * 1000)


def test_what_a_person_started_goes_on_whatever_the_hour() -> None:
    assert night_of(BEGUN, None, {}, VIENNA) == Night(at(2026, 1, 31, 23, 0, 5), 0.0, None)
    assert night_of(BEGUN, None, {"gpu_hours": 0.5}, VIENNA).gpu_hours == 0.5
    assert night_of(BEGUN, MIDNIGHT, {"gpu_hours": 0}, VIENNA).gpu_hours == 0.0


def test_a_setting_that_cannot_be_understood_is_named() -> None:
    with pytest.raises(SettingError, match="WORKING_DAY_BEGINS='late'"):
        night_of(BEGUN, MIDNIGHT, {}, DeploymentSettings(working_day_begins="late"))


def test_nothing_more_is_started_once_the_working_day_has_begun(own_settings: Settings,
                                                                monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Night(0, 0.0, 1000)
    monkeypatch.setattr(night, "now_ms", lambda: 999)
    assert over(limits, own_settings) is None
    monkeypatch.setattr(night, "now_ms", lambda: 1000)
    assert over(limits, own_settings) == "the working day has begun: left for the next night"


def test_nothing_more_is_started_once_the_budget_is_used_up(own_settings: Settings) -> None:
    address = own_settings.catalogue_address
    matches.register(address, MATCH, "f" * 64, "/nas/Cup final.mp4")
    runs.begin(address, "nightly__x", MATCH)
    for part in ("chunk-0000", "chunk-0001"):
        runs.note_stage(address, "nightly__x", StageTime("spot_chunk", part, 900_000, True))
    runs.note_stage(address, "nightly__x", StageTime("scan", "", 9_000_000, True))  # takes no GPU
    assert over(Night(0, 0.6, None), own_settings) is None
    assert over(Night(0, 0.5, None), own_settings) == "the night took 0.5 of 0.5 GPU hours: left for the next night"
    assert over(Night(0, 0.0, None), own_settings) is None


def test_a_match_of_the_day_goes_first_from_its_registration_to_its_end(own_settings: Settings,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    address, run = own_settings.catalogue_address, f"match__{MATCH}__1"
    assert not_now(own_settings) is None
    matches.register(address, MATCH, "f" * 64, "/nas/Cup final.mp4")
    assert not_now(own_settings) == f"{MATCH} came in and goes first"
    runs.begin(address, run, MATCH)
    matches.update(address, MATCH, status="processing")
    assert not_now(own_settings) == f"{MATCH} of run {run} goes first"
    runs.end(address, run)
    matches.update(address, MATCH, status="published")
    assert not_now(own_settings) is None


def test_a_match_of_the_night_does_not_keep_others_from_their_turn(own_settings: Settings) -> None:
    address = own_settings.catalogue_address
    matches.register(address, MATCH, "f" * 64, "/nas/Cup final.mp4")
    runs.begin(address, night_run_id(MATCH, 1), MATCH)
    matches.update(address, MATCH, status="processing")
    assert not_now(own_settings) is None


def test_a_match_whose_run_never_began_does_not_stop_the_nights_for_ever(own_settings: Settings,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    matches.register(own_settings.catalogue_address, MATCH, "f" * 64, "/nas/Cup final.mp4")
    now = night.now_ms()
    monkeypatch.setattr(night, "now_ms", lambda: now + night.FORGOTTEN_MS + 1000)
    assert not_now(own_settings) is None


def test_nothing_starts_while_touchline_is_held(own_settings: Settings) -> None:
    set_hold(own_settings.working_dir, "pause", "anna", "the GPU is needed")
    assert "held (pause) by anna" in str(not_now(own_settings))
    release(own_settings.working_dir)
    assert not_now(own_settings) is None

