"""Which files are taken, and what is never looked at?"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from support.nas_files import drop
from touchline.errors import SettingError
from touchline.settings import Settings
from touchline_airflow.mount.find import find_foreign, find_recordings


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    return own_settings


def names(settings: Settings) -> list[str]:
    return sorted(str(path.relative_to(settings.nas_mount_path)) for path in find_recordings(settings))


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
    assert list(find_recordings(inside)) == []


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


@pytest.mark.parametrize("folder", [
    "@eaDir/a.mp4", "#recycle", "#snapshot/GMT+01-2026.01.01-03.00.00", "@Recycle", "@Recently-Snapshot/GMT+01_2026",
    "$RECYCLE.BIN/S-1-5-21", "System Volume Information", "~snapshot/hourly.0", "lost+found", "Plex Versions/TV",
    ".Trash-1000/files", "PRIVATE/M4ROOT/SUB", "card 3/M4ROOT/SUB", "cup/#RECYCLE/league", "CONTENTS/PROXY",
    "@GMT-2026.01.01-03.00.00", "trashbox", "Network Trash Folder", "league/@Transcode", "files_trashbin/files"])
def test_what_a_nas_a_computer_or_a_camera_keeps_for_itself_is_not_taken(settings: Settings, folder: str) -> None:
    drop(settings, "a.mp4")
    drop(settings, f"{folder}/SYNOPHOTO_FILM_H264.mp4")
    assert names(settings) == ["a.mp4"]


@pytest.mark.parametrize("folder", ["PRIVATE/M4ROOT/CLIP", "PRIVATE/AVCHD/BDMV/STREAM", "SUB", "CONTENTS/VIDEO",
                                    "recycle", "eaDir", "#1 Reds - Blues", "@home", "DCIM/100GOPRO", "subs"])
def test_folders_of_people_and_the_clips_of_cameras_are(settings: Settings, folder: str) -> None:
    drop(settings, f"{folder}/a.mp4")
    assert names(settings) == [f"{folder}/a.mp4"]


def test_a_link_into_the_recycle_bin_is_not_taken(settings: Settings) -> None:
    drop(settings, "#recycle/a.mp4")
    (settings.nas_mount_path / "b.mp4").symlink_to("#recycle/a.mp4")
    assert names(settings) == []


def test_a_mount_below_such_a_folder_is_watched(settings: Settings) -> None:
    below = dataclasses.replace(settings, nas_mount_path=settings.nas_mount_path / "#recycle")
    drop(settings, "#recycle/a.mp4")
    assert names(below) == ["a.mp4"]


@pytest.mark.parametrize("name", ["a.wmv", "a.MXF", "a.h264", "a.braw", "a.insv", "a.360"])
def test_a_video_that_cannot_be_read_is_found_and_not_taken(settings: Settings, name: str) -> None:
    path = drop(settings, name)
    drop(settings, f"#recycle/{name}")
    assert list(find_foreign(settings)) == [path]
    assert names(settings) == []
