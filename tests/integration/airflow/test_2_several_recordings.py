"""Matches in several files, by the real ingest: chapters, a half that comes later, two matches in a folder, a hole."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.footage import ffmpeg, put_copy
from support.running_airflow import SETTINGS, RunningAirflow, running_airflow
from support.waiting import wait_for
from touchline.catalogue import matches, recordings, runs
from touchline.catalogue.matches import Match

pytestmark = pytest.mark.verify
WAIT_SEC = 20


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAirflow]:
    """Instead of everybody's: a match waits for more recordings for seconds only."""
    folder = tmp_path_factory.mktemp("several")
    with running_airflow(folder, {**SETTINGS, "WATCH_MORE_SEC": str(WAIT_SEC)}) as airflow:
        yield airflow


@pytest.fixture(scope="module")
def chapters(footage: Path) -> dict[str, list[Path]]:
    """Three chapters each of two simulated matches, cut at key frames as a camera does."""
    found = {}
    for name in ("long", "other"):
        folder = footage / f"chapters of {name}"
        folder.mkdir()
        ffmpeg("-i", footage / f"{name}.mp4", "-map", "0", "-c", "copy", "-f", "segment", "-segment_time", "9",
               "-segment_start_number", "1", "-reset_timestamps", "1", folder / "%d.mp4")
        found[name] = sorted(folder.glob("*.mp4"))
        assert len(found[name]) == 3
    return found


def put(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    put_copy(source, target)


def published(airflow: RunningAirflow, folder: str, attempt: int = 1) -> Match:
    """The one match of a folder below the mount, once it is published for this time."""
    def found() -> Match | None:
        return next((match for match in matches.every(airflow.catalogue) if match.status == "published"
                     and match.attempt == attempt and Path(match.recording).parent == airflow.nas / folder), None)

    return wait_for(f"the match of {folder}", found, 600)


def actions(airflow: RunningAirflow, match: Match) -> list[tuple[str, int]]:
    told = json.loads((airflow.folder(match.match_id).root / "actions.json").read_text())
    return [(action["label"], action["match_ms"]) for action in told["actions"]]


def reel(airflow: RunningAirflow, match: Match) -> dict[str, Any]:
    return dict(json.loads((airflow.folder(match.match_id).root / "reels" / "highlights.json").read_text()))


def reason(airflow: RunningAirflow, name: str) -> str:
    row = recordings.find(airflow.catalogue, str(airflow.nas / name))
    return (row and row.reason) or ""


def test_chapters_are_one_match_with_the_actions_and_reels_of_the_whole_film(
        airflow: RunningAirflow, footage: Path, chapters: dict[str, list[Path]]) -> None:
    for folder in ("whole", "chapters"):  # a mark is always an action: there is a clip at the first border
        (airflow.nas / folder).mkdir()
        (airflow.nas / folder / "marks.csv").write_text("time,label\n00:00:10,Save\n")
    put(footage / "long.mp4", airflow.nas / "whole" / "film.mp4")
    for number, path in enumerate(chapters["long"], start=1):
        put(path, airflow.nas / "chapters" / f"GX{number:02}0123.MP4")
    whole, three = published(airflow, "whole"), published(airflow, "chapters")
    assert [Path(one.path).name for one in three.sources] == ["GX010123.MP4", "GX020123.MP4", "GX030123.MP4"]
    assert actions(airflow, three) == actions(airflow, whole)
    one, other = reel(airflow, whole), reel(airflow, three)
    assert [(clip["start_ms"], clip["end_ms"]) for clip in other["clips"]] == [
        (clip["start_ms"], clip["end_ms"]) for clip in one["clips"]]
    told = json.loads((airflow.folder(three.match_id).root / "match.json").read_text())["recordings"]
    borders = [recording["start_ms"] for recording in told[1:]]
    assert any(clip["start_ms"] < border < clip["end_ms"] for clip in other["clips"] for border in borders)
    assert abs(one["duration_ms"] - other["duration_ms"]) <= 40 * len(borders) * len(one["clips"])


def test_a_second_half_that_comes_later_is_added_and_the_first_is_not_looked_at_again(
        airflow: RunningAirflow, footage: Path) -> None:
    (airflow.nas / "league").mkdir()
    (airflow.nas / "league" / "marks.csv").write_text("time,label\n00:00:10,Save\n")
    put(footage / "long.mp4", airflow.nas / "league" / "reds 1st half.mp4")
    before = published(airflow, "league")
    first_chunk = airflow.files(before.match_id).spottings("chunk-0000")
    written = first_chunk.stat().st_mtime_ns
    put(footage / "other.mp4", airflow.nas / "league" / "reds 2nd half.mp4")
    match = published(airflow, "league", attempt=2)
    assert match.match_id == before.match_id and len(match.sources) == 2
    assert [run["run_id"].rpartition("__")[2] for run in runs.of_match(airflow.catalogue, match.match_id)] == ["1", "2"]
    assert first_chunk.stat().st_mtime_ns == written
    told = json.loads((airflow.folder(match.match_id).root / "actions.json").read_text())["actions"]
    assert {action["half"] for action in told} == {1, 2}
    assert len(list(airflow.folder(match.match_id).output_dir.glob("reds-*"))) == 1


def test_chapters_of_two_matches_in_one_folder_are_two_matches(
        airflow: RunningAirflow, chapters: dict[str, list[Path]], footage: Path) -> None:
    for camera, name in (("0200", "long"), ("0201", "other")):
        for number, path in enumerate(chapters[name][:2], start=1):
            put(path, airflow.nas / "mixed" / f"GX{number:02}{camera}.MP4")
    found = wait_for("two matches", lambda: [match for match in matches.every(airflow.catalogue)
                                             if Path(match.recording).parent == airflow.nas / "mixed"
                                             and match.status == "published"][1:], 600)
    assert found and all(len(match.sources) == 2 for match in found)


def test_a_missing_chapter_is_named_and_nothing_is_made(
        airflow: RunningAirflow, chapters: dict[str, list[Path]]) -> None:
    for number in (1, 3):
        put(chapters["other"][number - 1], airflow.nas / "hole" / f"GX{number:02}0777.MP4")
    wait_for("the reason", lambda: reason(airflow, "hole/GX010777.MP4").startswith(
        "GX030777.MP4 is recording 3 of its match, and recording 2 is missing"), 120)
    time.sleep(2 * WAIT_SEC)
    assert not [match for match in matches.every(airflow.catalogue)
                if Path(match.recording).parent == airflow.nas / "hole"]
    put(chapters["other"][1], airflow.nas / "hole" / "GX020777.MP4")
    assert len(published(airflow, "hole").sources) == 3


def test_several_recordings_can_be_triggered_by_hand(airflow: RunningAirflow, footage: Path) -> None:
    for name in ("one.mkv", "two.mkv"):
        source = footage / ("long.mp4" if name == "one.mkv" else "other.mp4")
        (airflow.nas / ".hand").mkdir(exist_ok=True)
        ffmpeg("-i", source, "-c", "copy", airflow.nas / ".hand" / name)
    assert not [path for path in recordings.every(airflow.catalogue) if ".hand" in path]
    conf = {"recording": ".hand/one.mkv", "more_recordings": [".hand/two.mkv"]}
    done = airflow.command("dags", "trigger", "process_match", "--run-id", "by-hand", "--conf", json.dumps(conf))
    assert done.returncode == 0, done.stderr[-500:]
    assert airflow.finish("by-hand")["state"] == "success"
    [match] = [match for match in matches.every(airflow.catalogue) if ".hand" in match.recording]
    assert len(match.sources) == 2
