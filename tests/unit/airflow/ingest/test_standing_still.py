"""When is a recording due for its check?"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from support.nas_files import drop
from touchline.catalogue import recordings
from touchline.settings import Settings
from touchline_airflow.ingest import standing_still

SECOND = 1000


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    return dataclasses.replace(own_settings, watch_stable_time_sec=10)


def row(settings: Settings, path: Path | str) -> recordings.SeenRecording:
    found = recordings.find(settings.catalogue_address, str(path))
    assert found is not None
    return found


def test_a_recording_is_due_when_it_stood_still_over_two_looks(settings: Settings) -> None:
    path = drop(settings, "a.mp4")
    assert standing_still.find_due(settings, 0) == []
    assert standing_still.find_due(settings, 9 * SECOND) == []
    assert standing_still.find_due(settings, 10 * SECOND) == [str(path)]


def test_a_file_that_grows_is_not_due(settings: Settings) -> None:
    path = drop(settings, "a.mp4")
    for look in range(6):
        path.write_bytes(b"film" * (look + 1))
        assert standing_still.find_due(settings, look * 9 * SECOND) == []


def test_a_copy_with_frozen_size_and_mtime_is_seen_by_its_tail(settings: Settings) -> None:
    path = drop(settings, "a.mp4", b"\0" * 100)
    frozen = path.stat().st_mtime_ns
    standing_still.find_due(settings, 0)
    path.write_bytes(b"\0" * 50 + b"x" * 50)
    os.utime(path, ns=(frozen, frozen))
    assert standing_still.find_due(settings, 11 * SECOND) == []
    assert standing_still.find_due(settings, 21 * SECOND) == [str(path)]


def test_an_incomplete_recording_is_checked_again_although_nothing_changes(settings: Settings) -> None:
    path = str(drop(settings, "a.mp4"))
    standing_still.find_due(settings, 0)
    assert standing_still.find_due(settings, 10 * SECOND) == [path]
    recordings.update(settings.catalogue_address, path, checked_at_ms=11 * SECOND)
    assert standing_still.find_due(settings, 15 * SECOND) == []
    assert standing_still.find_due(settings, 21 * SECOND) == [path]


def test_one_that_stays_incomplete_is_checked_ever_more_seldom_but_every_minute(settings: Settings) -> None:
    path = str(drop(settings, "a.mp4"))
    standing_still.find_due(settings, 0)
    recordings.update(settings.catalogue_address, path, checked_at_ms=3600 * SECOND)
    assert standing_still.find_due(settings, 3659 * SECOND) == []
    assert standing_still.find_due(settings, 3660 * SECOND) == [path]


@pytest.mark.parametrize("status", ["bad", "registered", "duplicate"])
def test_what_was_decided_is_not_due_again_until_the_file_changes(settings: Settings, status: str) -> None:
    path = drop(settings, "a.mp4")
    standing_still.find_due(settings, 0)
    recordings.update(settings.catalogue_address, str(path), status=status)
    assert standing_still.find_due(settings, 100 * SECOND) == []
    path.write_bytes(b"another film")
    standing_still.find_due(settings, 200 * SECOND)
    standing_still.find_due(settings, 201 * SECOND)
    assert standing_still.find_due(settings, 212 * SECOND) == [str(path)]


def test_a_bad_file_whose_tail_alone_changes_is_tried_anew(settings: Settings) -> None:
    path = drop(settings, "a.mp4", b"\0" * 100)
    frozen = path.stat().st_mtime_ns
    standing_still.find_due(settings, 0)
    recordings.update(settings.catalogue_address, str(path), status="bad")
    path.write_bytes(b"x" * 100)
    os.utime(path, ns=(frozen, frozen))
    standing_still.find_due(settings, 20 * SECOND)
    assert standing_still.find_due(settings, 30 * SECOND) == [str(path)]


def test_a_nas_that_looks_through_its_files_does_not_make_a_bad_one_new(settings: Settings) -> None:
    path = drop(settings, "a.mp4")
    standing_still.find_due(settings, 0)
    recordings.update(settings.catalogue_address, str(path), status="bad")
    path.chmod(0o600)  # moves the ctime
    assert standing_still.find_due(settings, 20 * SECOND) == standing_still.find_due(settings, 60 * SECOND) == []
    assert row(settings, path).status == "bad"


def test_while_data_arrives_with_frozen_size_and_mtime_no_verdict_stands(settings: Settings) -> None:
    path = drop(settings, "a.mp4", b"\0" * (standing_still.TAIL_BYTES + 100))
    frozen = path.stat().st_mtime_ns
    standing_still.find_due(settings, 0)
    recordings.update(settings.catalogue_address, str(path), checked_at_ms=11 * SECOND, reason="its end is missing")
    with path.open("r+b") as handle:
        handle.write(b"film")
    os.utime(path, ns=(frozen, frozen))
    assert standing_still.find_due(settings, 30 * SECOND) == [str(path)], "the check has to see through it"
    assert row(settings, path).reason == recordings.STILL_WRITTEN


@pytest.fixture
def read_bytes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes the looks read, one entry for each read."""
    found: list[int] = []
    read = standing_still._tail_digest

    def count(path: Path, size: int) -> str:
        found.append(min(size, standing_still.TAIL_BYTES))
        return read(path, size)

    monkeypatch.setattr(standing_still, "_tail_digest", count)
    return found


def test_what_a_look_reads_is_bounded(settings: Settings, read_bytes: list[int]) -> None:
    """100 looks at 4 waiting, 4 bad and 4 taken recordings read each tail once; each look read 8 of them before."""
    settings = dataclasses.replace(settings, watch_stable_time_sec=3600)
    for number, status in enumerate(("waiting", "bad", "registered") * 4):
        path = drop(settings, f"{number}.mp4", b"film" * 300)
        standing_still.find_due(settings, 0)
        recordings.update(settings.catalogue_address, str(path), status=status)
    read_bytes.clear()
    for look in range(100):
        standing_still.find_due(settings, look * 5 * SECOND)
    assert sum(read_bytes) == 0
    assert len(standing_still.find_due(settings, 3600 * SECOND)) == 4
    assert read_bytes == [1200] * 4


def test_a_recording_that_stays_incomplete_is_read_as_often_as_it_is_checked(settings: Settings,
                                                                            read_bytes: list[int]) -> None:
    path, checks = str(drop(settings, "a.mp4")), 0
    for moment in range(0, 600 * SECOND, 5 * SECOND):
        for due in standing_still.find_due(settings, moment):
            recordings.update(settings.catalogue_address, due, checked_at_ms=moment, reason="its end is missing")
            checks += 1
    assert 10 < checks < 25
    assert len(read_bytes) == checks + 1
    assert row(settings, path).status == "waiting"


def test_a_recording_first_seen_while_the_clock_ran_ahead_is_due_in_time(settings: Settings) -> None:
    path = drop(settings, "a.mp4")
    ahead = 2 * 86_400 * SECOND
    assert standing_still.find_due(settings, ahead) == []
    recordings.update(settings.catalogue_address, str(path), checked_at_ms=ahead + 1)
    assert standing_still.find_due(settings, 100 * SECOND) == []
    healed = row(settings, path)
    assert (healed.first_seen_ms, healed.still_since_ms, healed.checked_at_ms) == (100 * SECOND,) * 3
    assert standing_still.find_due(settings, 110 * SECOND) == [str(path)]


def test_a_date_that_no_database_can_hold_does_not_stop_the_ingest(settings: Settings) -> None:
    path = drop(settings, "a.mp4")
    os.utime(path, (15e9, 15e9))  # the year 2445
    assert standing_still.find_due(settings, 0) == []
    assert standing_still.find_due(settings, 10 * SECOND) == [str(path)]


def test_a_file_that_goes_away_while_we_look_is_not_yet(settings: Settings) -> None:
    path = drop(settings, "a.mp4")
    path.unlink()
    assert standing_still.take_look(path, None) is None
    assert standing_still.find_due(settings, 0) == []


def test_a_pipe_in_the_place_of_a_file_does_not_hold_the_look_up(settings: Settings) -> None:
    path = drop(settings, "a.mp4")
    path.unlink()
    os.mkfifo(path)
    assert standing_still.take_look(path, None) is None


def test_a_mount_that_is_away_is_not_yet(settings: Settings) -> None:
    settings.nas_mount_path.rmdir()
    assert standing_still.find_due(settings, 0) == []
