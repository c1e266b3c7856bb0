"""When is a recording due for its check?"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from touchline.catalogue import recordings
from touchline.settings import Settings
from touchline_airflow import watch

SECOND = 1000


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    return dataclasses.replace(own_settings, watch_stable_time_sec=10)


def drop(settings: Settings, name: str, content: bytes = b"film") -> Path:
    path = settings.nas_mount_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_recording_is_due_when_it_stood_still_over_two_looks(settings: Settings) -> None:
    path = drop(settings, "a.mp4")
    assert watch.find_due(settings, 0) == []
    assert watch.find_due(settings, 9 * SECOND) == []
    assert watch.find_due(settings, 10 * SECOND) == [str(path)]


def test_a_file_that_grows_is_not_due(settings: Settings) -> None:
    path = drop(settings, "a.mp4")
    for look in range(6):
        path.write_bytes(b"film" * (look + 1))
        assert watch.find_due(settings, look * 9 * SECOND) == []


def test_a_copy_with_frozen_size_and_mtime_is_seen_by_its_tail(settings: Settings) -> None:
    path = drop(settings, "a.mp4", b"\0" * 100)
    frozen = path.stat().st_mtime_ns
    watch.find_due(settings, 0)
    path.write_bytes(b"\0" * 50 + b"x" * 50)
    os.utime(path, ns=(frozen, frozen))
    assert watch.find_due(settings, 11 * SECOND) == []
    assert watch.find_due(settings, 21 * SECOND) == [str(path)]


def test_an_incomplete_recording_is_checked_again_although_nothing_changes(settings: Settings) -> None:
    path = str(drop(settings, "a.mp4"))
    watch.find_due(settings, 0)
    assert watch.find_due(settings, 10 * SECOND) == [path]
    recordings.update(settings.catalogue_address, path, checked_at_ms=11 * SECOND)
    assert watch.find_due(settings, 15 * SECOND) == []
    assert watch.find_due(settings, 21 * SECOND) == [path]


def test_one_that_stays_incomplete_is_checked_ever_more_seldom_but_every_minute(settings: Settings) -> None:
    path = str(drop(settings, "a.mp4"))
    watch.find_due(settings, 0)
    recordings.update(settings.catalogue_address, path, checked_at_ms=3600 * SECOND)
    assert watch.find_due(settings, 3659 * SECOND) == []
    assert watch.find_due(settings, 3660 * SECOND) == [path]


@pytest.mark.parametrize("status", ["bad", "registered", "duplicate"])
def test_what_was_decided_is_not_due_again_until_the_file_changes(settings: Settings, status: str) -> None:
    path = drop(settings, "a.mp4")
    watch.find_due(settings, 0)
    recordings.update(settings.catalogue_address, str(path), status=status)
    assert watch.find_due(settings, 100 * SECOND) == []
    path.write_bytes(b"another film")
    watch.find_due(settings, 200 * SECOND)
    watch.find_due(settings, 201 * SECOND)
    assert watch.find_due(settings, 212 * SECOND) == [str(path)]


def test_a_bad_file_whose_tail_alone_changes_is_tried_anew(settings: Settings) -> None:
    path = drop(settings, "a.mp4", b"\0" * 100)
    frozen = path.stat().st_mtime_ns
    watch.find_due(settings, 0)
    recordings.update(settings.catalogue_address, str(path), status="bad")
    path.write_bytes(b"x" * 100)
    os.utime(path, ns=(frozen, frozen))
    watch.find_due(settings, 20 * SECOND)
    assert watch.find_due(settings, 30 * SECOND) == [str(path)]


def test_a_file_that_goes_away_while_we_look_is_not_yet(settings: Settings) -> None:
    path = drop(settings, "a.mp4")
    path.unlink()
    assert watch.take_look(path, None) is None
    assert watch.find_due(settings, 0) == []


def test_a_mount_that_is_away_is_not_yet(settings: Settings) -> None:
    settings.nas_mount_path.rmdir()
    assert watch.find_due(settings, 0) == []
