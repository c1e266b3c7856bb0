"""What a name says of a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from touchline.video.demuxer import SNIFFERS
from touchline_airflow.mount.kept_folders import KEPT_FOLDERS
from touchline_airflow.mount.suffixes import FOREIGN, SUFFIXES, Kind, kind_of, why_foreign


def test_there_are_suffixes_for_each_demuxer_that_may_read_a_recording() -> None:
    assert set(SUFFIXES) == set(SNIFFERS)


@pytest.mark.parametrize("suffix", [".mpeg", ".vob", ".m2t", ".mod", ".tod", ".3gp", ".trp", ".qt", ".MPEG"])
def test_old_cameras_and_phones_are_taken_too(suffix: str) -> None:
    assert kind_of(f"a{suffix}") is Kind.RECORDING


def test_no_suffix_is_both_taken_and_foreign() -> None:
    assert not {suffix for suffixes in SUFFIXES.values() for suffix in suffixes} & set(FOREIGN)


@pytest.mark.parametrize("name", ["GL010001.LRV", "DJI_0001.LRF", "GX010001.THM", "a.jpg", ".wmv", "._a.wmv",
                                  "a.wmv.part"])
def test_small_copies_and_other_files_are_of_no_concern(name: str) -> None:
    assert kind_of(name) is Kind.OTHER


def test_a_foreign_video_is_named_with_what_to_do() -> None:
    assert why_foreign("Cup.WMV") == (
        ".wmv is Windows Media, which touchline does not read: export it as MP4 and copy that")


def test_the_how_to_names_what_is_taken_and_which_folders_are_not(repository: Path) -> None:
    page = (repository / "docs" / "how-to" / "mount-the-nas.md").read_text()
    named = [f"`{suffix}`" for suffixes in SUFFIXES.values() for suffix in suffixes]
    named += [f"`{folder.replace('*', '…')}`" for folder in KEPT_FOLDERS]
    assert not [name for name in named if name not in page]


def test_each_folder_that_is_left_out_says_whose_it_is() -> None:
    assert all(":" in why for why in KEPT_FOLDERS.values())
