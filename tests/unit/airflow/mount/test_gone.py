"""A recording is gone when the mount says so, and not when the mount says nothing."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.nas_files import drop
from touchline.settings import Settings
from touchline_airflow.mount.gone import is_gone


def test_what_is_there_is_not_gone(own_settings: Settings) -> None:
    assert not is_gone(drop(own_settings, "cup/a.mp4"), own_settings)


def test_what_was_deleted_is_gone_with_its_folder_too(own_settings: Settings) -> None:
    path, other = drop(own_settings, "cup/a.mp4"), drop(own_settings, "b.mp4")
    path.unlink()
    assert is_gone(path, own_settings)
    path.parent.rmdir()
    assert is_gone(path, own_settings)
    assert is_gone(other / "c.mp4", own_settings)


def test_what_lies_in_the_recycle_bin_is_gone(own_settings: Settings) -> None:
    assert is_gone(drop(own_settings, "#recycle/a.mp4"), own_settings)


def test_below_a_mount_that_is_away_nothing_is_gone(own_settings: Settings) -> None:
    path = drop(own_settings, "a.mp4")
    path.unlink()
    assert not is_gone(path, own_settings), "the empty folder under the mount"
    own_settings.nas_mount_path.rmdir()
    assert not is_gone(path, own_settings)


def test_a_folder_that_cannot_be_read_says_nothing(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    path = drop(own_settings, "cup/a.mp4")
    path.unlink()
    scandir = os.scandir

    def stale(folder: Any) -> Iterator[Any]:
        if Path(folder) == path.parent:
            raise OSError(116, "Stale file handle")
        return scandir(folder)

    monkeypatch.setattr("touchline_airflow.mount.gone.os.scandir", stale)
    assert not is_gone(path, own_settings)


def test_a_recording_of_another_mount_than_todays_is_gone_when_it_is_not_there(own_settings: Settings,
                                                                               tmp_path: Path) -> None:
    elsewhere = dataclasses.replace(own_settings, nas_mount_path=tmp_path / "another")
    path = drop(own_settings, "a.mp4")
    assert not is_gone(path, elsewhere)
    path.unlink()
    assert is_gone(path, elsewhere)
