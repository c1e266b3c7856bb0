"""Which recordings are one match, by their names and match.toml?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from touchline_airflow.mount.one_match import OneMatch, find_matches

NOTE = "match.toml"


def found(tmp_path: Path, *names: str, note: str = "", folder: str = "cup", by_folder: bool = False,
          written_s: Mapping[str, float] | None = None) -> list[OneMatch]:
    place = tmp_path / folder
    place.mkdir(exist_ok=True)
    notes = []
    if note:
        (place / NOTE).write_text(note)
        notes = [place / NOTE]
    return find_matches([place / name for name in names], notes, tmp_path, by_folder=by_folder,
                      written_s=lambda path: (written_s or {}).get(path.name, 0.0))


def names_of(found: list[OneMatch]) -> list[list[str]]:
    return [[path.name for path in one.paths] for one in found]


@pytest.mark.parametrize("names", [
    ["GX010123.MP4", "GX020123.MP4", "GX030123.MP4"],
    ["GH010007.MP4", "GH020007.MP4"],
    ["GOPR0123.MP4", "GP010123.MP4", "GP020123.MP4"],
    ["00000.MTS", "00001.MTS"],
    ["C0001.MP4", "C0002.MP4"],
    ["DJI_0004.MP4", "DJI_0005.MP4"],
    ["DJI_20260501150000_0001_D.MP4", "DJI_20260501153000_0002_D.MP4"],
    ["reds first half.mp4", "reds second half.mp4"],
    ["1st_half.mp4", "2nd_half.mp4"],
    ["1. Halbzeit.mov", "2. Halbzeit.mov"],
    ["U15 erste Halbzeit.mp4", "U15 zweite Halbzeit.mp4"],
    ["cup-HZ1.mp4", "cup-HZ2.mp4"],
    ["reds-blues 1H.mp4", "reds-blues 2H.mp4"],
    ["Half 1.mp4", "Half 2.mp4"],
    ["final part 1.mp4", "final part 2.mp4", "final part 3.mp4"],
    ["1ere mi-temps.mp4", "2eme mi-temps.mp4"],
])
def test_names_of_cameras_and_halves_are_one_match_in_the_order_of_play(tmp_path: Path, names: list[str]) -> None:
    [one] = found(tmp_path, *reversed(names))
    assert [path.name for path in one.paths] == names and one.may_grow and not one.fault


@pytest.mark.parametrize("names", [
    ["cup.mp4", "league.mp4"],
    ["GX010123.MP4", "GX010124.MP4"],  # two recordings of one camera: nobody says that they are one match
    ["reds first half.mp4", "blues first half.mp4"],
    ["reds first half.mp4", "reds.mp4"],
    ["2026-05-01.mp4", "2026-05-08.mp4"],
    ["halftime show.mp4", "shift 1.mp4", "behalf 2.mp4"],
])
def test_other_names_are_matches_of_their_own(tmp_path: Path, names: list[str]) -> None:
    assert names_of(found(tmp_path, *names)) == [[name] for name in sorted(names)]


def test_only_names_that_promise_more_may_grow(tmp_path: Path) -> None:
    grows = {one.paths[0].name: one.may_grow for one in found(tmp_path, "GX010123.MP4", "cup.mp4", "u9 1st half.mp4")}
    assert grows == {"GX010123.MP4": True, "cup.mp4": False, "u9 1st half.mp4": True}


def test_chapters_of_two_matches_in_one_folder_are_two_matches(tmp_path: Path) -> None:
    mixed = found(tmp_path, "GX010123.MP4", "GX020123.MP4", "GX010124.MP4", "GX020124.MP4")
    assert names_of(mixed) == [["GX010123.MP4", "GX020123.MP4"], ["GX010124.MP4", "GX020124.MP4"]]


@pytest.mark.parametrize(("names", "said"), [
    (["GX010123.MP4", "GX030123.MP4"], "GX030123.MP4 is recording 3 of its match, and recording 2 is missing"),
    (["GX020123.MP4"], "GX020123.MP4 is recording 2 of its match, and recording 1 is missing"),
    (["reds second half.mp4"], "reds second half.mp4 is recording 2 of its match, and recording 1 is missing"),
    (["GX010123.MP4", "GX010123.mov"], "GX010123.MP4 and GX010123.mov are the same recording by their names"),
])
def test_a_set_that_cannot_be_right_gets_one_line(tmp_path: Path, names: list[str], said: str) -> None:
    [one] = found(tmp_path, *names)
    assert one.fault.startswith(said) and "\n" not in one.fault


def test_counted_files_on_the_mount_itself_are_matches_of_their_own(tmp_path: Path) -> None:
    assert names_of(found(tmp_path, "00000.MTS", "00001.MTS", folder=".")) == [["00000.MTS"], ["00001.MTS"]]


def test_counted_files_that_were_written_days_apart_are_refused(tmp_path: Path) -> None:
    [one] = found(tmp_path, "00000.MTS", "00001.MTS", written_s={"00001.MTS": 2 * 86_400.0})
    assert one.fault == ("00000.MTS and 00001.MTS were written 48 hours apart and cannot be one match: give each match "
                         'a folder of its own, or name its files in match.toml, recordings = ["…"]')


def test_match_toml_names_the_parts(tmp_path: Path) -> None:
    sets = found(tmp_path, "a.mp4", "b.mp4", "c.mp4", note='recordings = ["b.mp4", "A.MP4"]')
    assert names_of(sets) == [["b.mp4", "a.mp4"], ["c.mp4"]] and not sets[0].may_grow


def test_a_part_that_match_toml_names_and_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    [one] = found(tmp_path, "a.mp4", note='recordings = ["a.mp4", "b.mp4"]')
    assert one.fault == (f"{tmp_path}/cup/{NOTE} names b.mp4, which is not beside it: copy it there, or take the name "
                         "out")


@pytest.mark.parametrize("value", ['"a.mp4"', "7", "[]", '["../a.mp4"]', "[1]", '[".."]', '["a\\u0000.mp4"]'])
def test_a_list_that_is_none_gets_one_line(tmp_path: Path, value: str) -> None:
    [one] = found(tmp_path, "a.mp4", note=f"recordings = {value}")
    assert "does not list files: write recordings" in one.fault and "\n" not in one.fault


def test_all_of_a_folder_by_match_toml_or_by_the_setting(tmp_path: Path) -> None:
    names = ["10.mp4", "9.mp4", "warm up.mp4"]
    for sets in (found(tmp_path, *names, note='recordings = "all"'), found(tmp_path, *names, by_folder=True)):
        assert names_of(sets) == [["9.mp4", "10.mp4", "warm up.mp4"]]
    assert len(found(tmp_path, *names, folder=".", by_folder=True)) == 3


def test_halves_that_a_gopro_cut_into_chapters_are_put_in_order(tmp_path: Path) -> None:
    names = ["GX010123.MP4", "GX010124.MP4", "GX020123.MP4", "GX020124.MP4"]
    [one] = found(tmp_path, *names, by_folder=True)
    assert [path.name for path in one.paths] == ["GX010123.MP4", "GX020123.MP4", "GX010124.MP4", "GX020124.MP4"]


def test_halves_of_two_matches_in_the_folder_of_one_are_refused(tmp_path: Path) -> None:
    [one] = found(tmp_path, "reds 1st half.mp4", "blues 1st half.mp4", by_folder=True)
    assert one.fault == ("blues 1st half.mp4 and reds 1st half.mp4 are halves of two matches: give each match a folder "
                         "of its own")


def test_no_recording_is_lost_or_taken_twice(tmp_path: Path) -> None:
    names = ["A.mp4", "a.mp4", "GX010001.MP4", "GX020001.MP4", "x 1st half.mp4", "00001.MTS", "é.mp4", "é.mp4"]
    for by_folder in (False, True):
        sets = found(tmp_path, *names, by_folder=by_folder, note='recordings = ["a.mp4"]')
        assert sorted(path.name for one in sets for path in one.paths) == sorted(set(names))
