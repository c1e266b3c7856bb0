"""When a run is late, by its conf, and what is normal for a match of its length."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from touchline.catalogue import matches
from touchline.catalogue.connection import writing
from touchline.catalogue.schema import publications
from touchline.settings import Settings
from touchline_airflow.books.expected import (
    FIRST_RATE,
    LOOK_BACK,
    OVERHEAD_SEC,
    conditions,
    expected_seconds,
    usual_seconds,
)
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.late.due import LONGEST, NewRun, due

NOW = datetime(2026, 1, 31, 22, 0, tzinfo=UTC)
HOUR_MS = 3_600_000


def late_after(conf: dict[str, Any], **settings: Any) -> timedelta:
    found = due("process_match", NewRun("match__1", "manual", conf), NOW, DeploymentSettings(**settings))
    assert found
    return found - NOW


def test_a_match_is_late_after_three_times_what_is_normal() -> None:
    assert late_after({"expected_sec": 3600, "duration_ms": 10 * HOUR_MS}) == timedelta(hours=3)


def test_a_short_match_has_half_an_hour() -> None:
    assert late_after({"expected_sec": 20}) == timedelta(minutes=30)
    assert late_after({"expected_sec": 20}, match_late_min=0.5) == timedelta(minutes=1)


def test_without_an_expectation_the_length_counts_and_without_a_length_two_hours() -> None:
    assert late_after({"duration_ms": HOUR_MS}) == timedelta(seconds=3 * (OVERHEAD_SEC + FIRST_RATE * 3600))
    assert late_after({}) == late_after({"duration_ms": 2 * HOUR_MS})


@pytest.mark.parametrize("junk", ["1e9", None, True, -5, 0, float("nan"), float("inf"), [], {}])
def test_what_somebody_typed_into_the_conf_does_not_matter(junk: Any) -> None:
    assert late_after({"expected_sec": junk, "duration_ms": junk}) == late_after({})


def test_no_match_may_take_longer_than_a_week() -> None:
    assert late_after({"expected_sec": 1e300}) == LONGEST


@pytest.mark.parametrize("rule", ["process_match", "nightly_backfill", "ingest_recordings"])
def test_a_backfill_run_is_never_late(rule: str) -> None:
    assert due(rule, NewRun("backfill__2026", "backfill", {}), NOW, DeploymentSettings()) is None


def test_a_match_that_the_night_started_is_never_late() -> None:
    assert due("process_match", NewRun("nightly__cup-final__1", "manual", {}), NOW, DeploymentSettings()) is None


@pytest.mark.parametrize(("now", "wanted"), [
    ("2026-01-31T22:00+00:00", "2026-02-01T06:00+01:00"), ("2026-01-31T04:59+00:00", "2026-01-31T06:00+01:00"),
    ("2026-01-31T05:00+00:00", "2026-02-01T06:00+01:00"),
    ("2026-03-28T23:00+00:00", "2026-03-29T06:00+02:00")], ids=["before", "after", "sharp", "clocks change"])
def test_the_night_is_over_at_six_where_the_people_are(now: str, wanted: str) -> None:
    found = due("nightly_backfill", NewRun("scheduled__1", "scheduled", {}), datetime.fromisoformat(now),
                DeploymentSettings(timezone="Europe/Vienna"))
    assert found == datetime.fromisoformat(wanted)


@pytest.mark.parametrize(("now", "wanted"), [
    ("2026-03-29T00:00+01:00", "2026-03-29T03:30+02:00"), ("2026-03-29T03:10+02:00", "2026-03-29T03:30+02:00"),
    ("2026-10-25T00:00+02:00", "2026-10-25T02:30+01:00"), ("2026-10-25T02:15+01:00", "2026-10-25T02:30+01:00"),
    ("2026-10-25T02:31+01:00", "2026-10-26T02:30+01:00")],
    ids=["skipped", "after the gap", "twice", "in the repeated hour", "over"])
def test_a_time_that_the_clocks_skip_or_show_twice_is_never_over_before_it_comes(now: str, wanted: str) -> None:
    found = due("nightly_backfill", NewRun("scheduled__1", "scheduled", {}), datetime.fromisoformat(now),
                DeploymentSettings(timezone="Europe/Vienna", backfill_done_by="02:30"))
    assert found == datetime.fromisoformat(wanted)


def test_an_allowance_is_as_long_over_a_change_of_the_clocks() -> None:
    zone = DeploymentSettings(timezone="Europe/Vienna").zone
    now = datetime(2026, 10, 25, 1, 30, tzinfo=zone).astimezone(UTC)
    found = due("process_match", NewRun("match__1", "manual", {"expected_sec": 3600}), now, DeploymentSettings())
    assert found and (found - now).total_seconds() == 3 * 3600


def test_what_a_person_starts_may_take_the_whole_day() -> None:
    assert due("nightly_backfill", NewRun("manual__1", "manual", {}), NOW, DeploymentSettings()) is None


def ran(settings: Settings, number: int, length_ms: int, took_ms: int, *, is_whole: bool = True,
        under: Settings | None = None) -> None:
    """A match that was published once more, `number` as its time."""
    address, match_id = settings.catalogue_address, f"cup-final-{number:012}"
    matches.register(address, match_id, f"{number:064}", "/nas/x.mp4")
    matches.update(address, match_id, duration_ms=length_ms)
    with writing(address) as connection:
        connection.execute(publications.insert().values(
            match_id=match_id, manifest=f"{took_ms}", run_id=f"run-{number}", published_at_ms=number,
            worked_ms=took_ms, is_whole=is_whole, conditions=conditions(under or settings)))


def test_before_anything_was_published_a_match_takes_its_own_length(own_settings: Settings) -> None:
    assert expected_seconds(HOUR_MS, own_settings) == OVERHEAD_SEC + 3600
    assert usual_seconds(HOUR_MS, own_settings) is None, "a guess is no norm"


def test_what_is_normal_is_the_median_of_the_last_results(own_settings: Settings) -> None:
    for number, minutes in enumerate((11, 21, 61)):
        ran(own_settings, number, HOUR_MS, minutes * 60_000)
    assert expected_seconds(HOUR_MS, own_settings) == pytest.approx(21 * 60)
    assert expected_seconds(HOUR_MS // 2, own_settings) == pytest.approx(11 * 60)


def test_one_that_took_a_night_moves_nothing(own_settings: Settings) -> None:
    for number in range(LOOK_BACK):
        ran(own_settings, number, HOUR_MS, 31 * 60_000)
    ran(own_settings, 99, HOUR_MS, 10 * HOUR_MS)
    assert expected_seconds(HOUR_MS, own_settings) == pytest.approx(31 * 60)
    assert usual_seconds(HOUR_MS, own_settings, but="run-99") == pytest.approx(31 * 60)


def test_runs_that_found_work_done_do_not_count(own_settings: Settings) -> None:
    ran(own_settings, 1, HOUR_MS, 31 * 60_000)
    for number in range(2, 9):
        ran(own_settings, number, HOUR_MS, 20_000, is_whole=False)
    assert expected_seconds(HOUR_MS, own_settings) == pytest.approx(31 * 60)


def test_matches_of_like_length_are_asked_first_and_then_all(own_settings: Settings) -> None:
    for number in range(3):
        ran(own_settings, number, HOUR_MS, 31 * 60_000)
        ran(own_settings, 10 + number, HOUR_MS // 10, 13 * 60_000)
    assert expected_seconds(HOUR_MS, own_settings) == pytest.approx(31 * 60)
    assert expected_seconds(HOUR_MS // 10, own_settings) == pytest.approx(13 * 60)
    # Rates without the overhead are 0.5 and 2; the median of all six lies between them.
    assert expected_seconds(10 * HOUR_MS, own_settings) == pytest.approx(60 + 36_000 * 1.25)


def test_other_settings_make_another_norm_until_there_are_enough(own_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "own.pt").write_bytes(b"a model of their own")
    slow = replace(own_settings, yolo_model_path=tmp_path / "own.pt")
    for number in range(5):
        ran(own_settings, number, HOUR_MS, 31 * 60_000)
    ran(own_settings, 10, HOUR_MS, 121 * 60_000, under=slow)
    assert expected_seconds(HOUR_MS, slow) == pytest.approx(31 * 60), "one says little"
    for number in (11, 12):
        ran(own_settings, number, HOUR_MS, 121 * 60_000, under=slow)
    assert expected_seconds(HOUR_MS, slow) == pytest.approx(121 * 60)
    assert expected_seconds(HOUR_MS, own_settings) == pytest.approx(31 * 60)


def test_a_model_that_is_not_on_this_machine_is_told_by_its_path(own_settings: Settings, tmp_path: Path) -> None:
    away = [replace(own_settings, yolo_model_path=tmp_path / name) for name in ("a.pt", "b.pt")]
    assert len({*map(conditions, away), conditions(own_settings)}) == 3
    changes = ({"use_gpu": "false"}, {"chunk_duration_sec": 30}, {"max_workers": 5}, {"output_codec": "h264_nvenc"})
    assert len({conditions(replace(own_settings, **change)) for change in changes}) == 4  # type: ignore[arg-type]
    assert conditions(replace(own_settings, output_crf=30)) == conditions(own_settings)
