"""Notes are found beside a recording however a system or a person writes their names, and never in silence missed."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from touchline.errors import BadRecordingError, StorageError
from touchline.sidecars.find import find_sidecars, stray_notes

NAME = "Été à Besançon"


def put(folder: Path, *names: str) -> Path:
    """Files with these names; returns the first, the recording."""
    for name in names:
        (folder / name).write_text("x")
    return folder / names[0]


@pytest.mark.parametrize(("names", "found"), [
    (("final.mp4", "final.marks.csv", "marks.csv"), {"marks.csv": "final.marks.csv"}),
    (("FINAL.MP4", "Final.Marks.csv"), {"marks.csv": "Final.Marks.csv"}),
    (("final.mp4", "Match.TOML", "MARKS.CSV"), {"match.toml": "Match.TOML", "marks.csv": "MARKS.CSV"}),
    (("final.mp4", "final.marks.csv", "Final.marks.csv"), {"marks.csv": "final.marks.csv"}),
    (("straße.mp4", "STRASSE.marks.csv"), {"marks.csv": "STRASSE.marks.csv"}),
    (("final.mp4", "FINAL.mp4", "FINAL.marks.csv"), {}),  # that of the other one
    (("final.mp4", "finale.marks.csv", "final.csv", "final.marks.csv.part"), {}),
    (("a.mp4", "b.match.toml"), {}),
    ((f"{'x' * 251}.mp4", "marks.csv"), {"marks.csv": "marks.csv"}),
    ((f"{'Ж' * 125}.mp4", "Match.toml"), {"match.toml": "Match.toml"}),
])
def test_they_are_found(tmp_path: Path, names: tuple[str, ...], found: dict[str, str]) -> None:
    assert {kind: path.name for kind, path in find_sidecars(put(tmp_path, *names)).items()} == found


@pytest.mark.parametrize(("ours", "theirs"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_name_that_reads_the_same_is_the_same(tmp_path: Path, ours: str, theirs: str) -> None:
    notes = unicodedata.normalize(theirs, f"{NAME}.marks.csv")
    recording = put(tmp_path, unicodedata.normalize(ours, f"{NAME}.mp4"), notes, f"{NAME.upper()}.marks.csv")
    assert find_sidecars(recording)["marks.csv"].name == notes


def test_of_two_that_could_be_meant_none_is_taken(tmp_path: Path) -> None:
    recording = put(tmp_path, "final.mp4", "Final.marks.csv", "FINAL.marks.csv")
    with pytest.raises(BadRecordingError) as caught:
        find_sidecars(recording)
    assert str(caught.value) == (
        "FINAL.marks.csv and Final.marks.csv may both be notes on final.mp4: leave one of them there")


def test_notes_that_belong_to_no_recording_are_told(tmp_path: Path) -> None:
    recording = put(tmp_path, "final.mp4", "Final.Marks.csv", "cup.mov", "cup.match.toml", "fnal.marks.csv",
                    "marks.csv")
    assert stray_notes(recording) == [
        "fnal.marks.csv is named after no recording beside it and is not read: notes on this one are called "
        "final.marks.csv"]


def test_very_many_of_them_are_a_few_lines(tmp_path: Path) -> None:
    recording = put(tmp_path, "final.mp4", *(f"{number}\n.marks.csv" for number in range(50)))
    lines = stray_notes(recording)
    assert len(lines) == 6 and lines[-1] == "45 more files are named so"
    assert not [line for line in lines if "\n" in line]


def test_a_folder_that_is_away_is_no_folder_without_notes(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        find_sidecars(tmp_path / "gone" / "final.mp4")
