"""Which files are taken, when are they due, and what is never looked at?"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from touchline.catalogue import recordings
from touchline.errors import SettingError
from touchline.settings import Settings
from touchline_airflow import watch

SECOND = 1000


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    return dataclasses.replace(own_settings, watch_stable_time_sec=10)


def names(settings: Settings) -> list[str]:
    return sorted(str(path.relative_to(settings.nas_mount_path)) for path in watch.find_recordings(settings))


def drop(settings: Settings, name: str, content: bytes = b"film") -> Path:
    path = settings.nas_mount_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.MOV", "deep/er/a.mkv", "a b'c\"&;$(x)😀.ts",
                                  "-a.mp4", "a.m2ts", "[a].mpg",
                                  "{{ ti }}.mp4", "a.part.mp4"])
def test_a_video_is_taken_whatever_its_name(settings: Settings, name: str) -> None:
    drop(settings, name)
    assert names(settings) == [name]


@pytest.mark.parametrize("name", [".a.mp4", ".hidden/a.mp4", "a.mp4.part", "a.mp4.tmp", "a.mp4.crdownload", "a.mp4~",
                                  "a.txt", "a", "match.toml", "@eaDir/.a.mp4", "a.mp4.PART"])
def test_dot_files_partial_files_and_other_files_are_not(settings: Settings, name: str) -> None:
    drop(settings, name)
    assert names(settings) == []


def test_a_name_that_is_not_utf_8_is_left_alone(settings: Settings) -> None:
    (Path(os.fsdecode(os.fsencode(settings.nas_mount_path) + b"/caf\xe9.mp4"))).write_bytes(b"film")
    assert names(settings) == []


def test_the_output_inside_the_mount_is_never_watched(settings: Settings) -> None:
    inside = dataclasses.replace(settings, nas_output_path=settings.nas_mount_path / "made" / "by us")
    drop(inside, "made/by us/match/reels/highlights.mp4")
    drop(inside, "made/other.mp4")
    assert names(inside) == ["made/other.mp4"]


def test_the_output_is_never_watched_through_a_link_either(settings: Settings) -> None:
    inside = dataclasses.replace(settings, nas_output_path=settings.nas_mount_path / "output")
    ours = drop(inside, "output/reel.mp4")
    (settings.nas_mount_path / "link.mp4").symlink_to(ours)
    (settings.nas_mount_path / "linked").symlink_to(ours.parent)
    assert names(inside) == []


def test_the_output_may_be_named_through_a_link(settings: Settings, tmp_path: Path) -> None:
    (settings.nas_mount_path / "output").mkdir()
    (tmp_path / "alias").symlink_to(settings.nas_mount_path)
    inside = dataclasses.replace(settings, nas_mount_path=tmp_path / "alias",
                                 nas_output_path=tmp_path / "alias" / "output")
    drop(settings, "output/reel.mp4")
    assert list(watch.find_recordings(inside)) == []


@pytest.mark.parametrize("output", [".", ".."])
def test_a_mount_inside_the_output_is_refused(settings: Settings, output: str) -> None:
    wrong = dataclasses.replace(settings, nas_output_path=settings.nas_mount_path / output)
    with pytest.raises(SettingError, match="a folder of its own"):
        names(wrong)


def test_links_out_of_the_mount_are_not_followed_and_links_inside_are(settings: Settings, tmp_path: Path) -> None:
    outside = tmp_path / "secret.mp4"
    outside.write_bytes(b"film")
    (settings.nas_mount_path / "out.mp4").symlink_to(outside)
    (settings.nas_mount_path / "dangling.mp4").symlink_to("nowhere")
    (settings.nas_mount_path / "round.mp4").symlink_to("round.mp4")
    (settings.nas_mount_path / "folder").symlink_to(tmp_path)
    drop(settings, "a.mp4")
    (settings.nas_mount_path / "b.mp4").symlink_to("a.mp4")
    assert names(settings) == ["a.mp4", "b.mp4"]


def test_a_folder_or_a_pipe_with_a_videos_name_is_not_taken(settings: Settings) -> None:
    (settings.nas_mount_path / "folder.mp4").mkdir()
    os.mkfifo(settings.nas_mount_path / "pipe.mp4")
    assert names(settings) == []


def test_what_is_older_than_ingest_since_waits_for_the_backfill(settings: Settings) -> None:
    old = drop(settings, "old.mp4")
    drop(settings, "new.mp4")
    os.utime(old, (1_700_000_000, 1_700_000_000))
    assert names(dataclasses.replace(settings, ingest_since="2024-08-01")) == ["new.mp4"]


def test_a_wrong_ingest_since_is_named(settings: Settings) -> None:
    with pytest.raises(SettingError, match="INGEST_SINCE='gestern'"):
        names(dataclasses.replace(settings, ingest_since="gestern"))


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
