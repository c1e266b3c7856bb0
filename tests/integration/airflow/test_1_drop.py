"""Dropped together, all kinds of files: the good ones are published once each, the others say why not."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from support.running_airflow import House, ffmpeg, wait_for
from touchline.catalogue import actions, matches, recordings, runs

ODD_NAME = "it's a \"match\" & more 🎉.mp4"
COPY_SEC = 40


def copy_like_smb(source: Path, target: Path) -> None:
    """Size final and mtime frozen from the start, while the data arrives for 40 seconds."""
    content = source.read_bytes()
    with target.open("wb") as handle:
        handle.truncate(len(content))
        frozen = target.stat().st_mtime_ns
        piece = len(content) // COPY_SEC + 1
        for start in range(0, len(content), piece):
            time.sleep(1)
            handle.seek(start)
            handle.write(content[start:start + piece])
            handle.flush()
            os.utime(target, ns=(frozen, frozen))
    os.utime(target, ns=(frozen, frozen))


@pytest.fixture(scope="module")
def dropped(house: House, footage: Path, tmp_path_factory: pytest.TempPathFactory) -> float:
    """Drop everything at once; returns when all of it was decided: how long the first run took to start, in seconds."""
    started = time.time()
    slow = tmp_path_factory.mktemp("slow") / "slow.mp4"
    ffmpeg("-i", footage / "short.mp4", "-c", "copy", "-metadata", "title=slow", slow)
    writer = threading.Thread(target=copy_like_smb, args=(slow, house.nas / "slow.mp4"))
    writer.start()
    for name in ("first", "same again"):  # a mark is always an action: both reels have a clip
        (house.nas / f"{name}.marks.csv").write_text("time,label\n00:00:12,Save\n")
    shutil.copyfile(footage / "long.mp4", house.nas / "first.mp4")
    shutil.copyfile(footage / "long.mp4", house.nas / "same again.mp4")
    shutil.copyfile(footage / "short.mp4", house.nas / ODD_NAME)
    shutil.copyfile(footage / "black.mp4", house.nas / "black.mp4")
    content = (footage / "long.mp4").read_bytes()
    (house.nas / "truncated.mp4").write_bytes(content[:len(content) * 6 // 10])
    (house.nas / "text.mp4").write_text("This is no film.\n" * 1000)
    (house.nas / "still copying.mp4.part").write_bytes(content)
    (house.nas / ".hidden.mp4").write_bytes(content)

    def decided() -> bool:
        found = recordings.every(house.catalogue)
        ended = [run for run in house.api.runs("process_match") if run["state"] in ("success", "failed")]
        return (len(found) == 7 and all(row.status != "waiting" for row in found.values()) and not writer.is_alive()
                and len(ended) >= 4)

    first = wait_for("the first run", lambda: matches.every(house.catalogue) and house.api.runs("process_match"))
    waited_sec = time.time() - started
    assert first
    wait_for("all seven to be decided", decided, 600)
    writer.join()
    return waited_sec


def row(house: House, name: str) -> recordings.SeenRecording:
    found = recordings.find(house.catalogue, str(house.nas / name))
    assert found is not None
    return found


def test_the_first_run_starts_within_a_minute(dropped: float) -> None:
    assert dropped <= 60


def test_the_good_ones_are_published_once_each(house: House, dropped: float) -> None:
    names = {"slow.mp4", ODD_NAME, "black.mp4"}
    found = {Path(match.recording).name: match for match in matches.every(house.catalogue)}
    assert set(found) - names in ({"first.mp4"}, {"same again.mp4"})
    for match in found.values():
        assert (match.status, match.reason) == ("published", None), match
        assert [run["status"] for run in runs.of_match(house.catalogue, match.match_id)] == ["published"]
        assert house.folder(match.match_id).manifest.exists()
    assert len(house.api.runs("process_match")) == len(found) == 4


def test_the_one_still_being_copied_waited_until_it_was_whole(house: House, footage: Path, dropped: float) -> None:
    slow = row(house, "slow.mp4")
    [run] = runs.of_match(house.catalogue, str(slow.match_id))
    assert run["started_at_ms"] - slow.first_seen_ms >= (COPY_SEC - 10) * 1000
    assert slow.status == "registered"


def test_the_same_content_under_another_name_is_recorded_and_not_processed(house: House, dropped: float) -> None:
    rows = [row(house, "first.mp4"), row(house, "same again.mp4")]
    assert sorted(found.status for found in rows) == ["duplicate", "registered"]
    assert rows[0].match_id == rows[1].match_id


def test_five_black_minutes_are_a_match_without_actions(house: House, dropped: float) -> None:
    match_id = str(row(house, "black.mp4").match_id)
    assert actions.of_match(house.catalogue, match_id) == []
    published = json.loads((house.folder(match_id).root / "actions.json").read_text())
    assert published["actions"] == []


@pytest.mark.parametrize("name", ["truncated.mp4", "text.mp4"])
def test_a_bad_one_says_why_in_log_catalogue_and_folder(house: House, dropped: float, name: str) -> None:
    bad = row(house, name)
    assert bad.status == "bad" and bad.reason and "\n" not in bad.reason
    assert house.folder(str(bad.match_id)).failure.read_text().strip() == bad.reason
    failed = [(run["dag_run_id"], task) for run in house.api.runs("ingest_recordings")
              for task in house.api.tasks("ingest_recordings", run["dag_run_id"])
              if task["task_id"] == "check_recording" and task["state"] == "failed"
              and name in (task["rendered_map_index"] or "")]
    assert failed, "no red task names this recording"
    run_id, task = failed[0]
    log = house.api.log("ingest_recordings", run_id, "check_recording", task["try_number"], task["map_index"])
    assert any(bad.reason in line for line in log[-6:]), log[-6:]


def test_our_own_output_inside_the_mount_is_never_ingested(house: House, dropped: float) -> None:
    reels = list(house.output.rglob("*.mp4"))
    assert reels, "there are reels to be tempted by"
    assert not [path for path in recordings.every(house.catalogue) if Path(path).is_relative_to(house.output)]
    assert not [match for match in matches.every(house.catalogue) if Path(match.recording).is_relative_to(house.output)]


def test_partial_and_hidden_files_are_never_seen(house: House, dropped: float) -> None:
    assert recordings.find(house.catalogue, str(house.nas / ".hidden.mp4")) is None
    assert recordings.find(house.catalogue, str(house.nas / "still copying.mp4.part")) is None
