"""Dropped together, all kinds of files: the good ones are published once each, the others say why not."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from support.footage import put_copy
from support.running_airflow import RunningAirflow
from support.waiting import wait_for
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
def dropped(airflow: RunningAirflow, footage: Path, tmp_path_factory: pytest.TempPathFactory) -> float:
    """Drop everything at once; returns when all of it was decided: how long the first run took to start, in seconds."""
    started = time.time()
    slow = put_copy(footage / "short.mp4", tmp_path_factory.mktemp("slow") / "slow.mp4")
    writer = threading.Thread(target=copy_like_smb, args=(slow, airflow.nas / "slow.mp4"))
    writer.start()
    for name in ("first", "same again"):  # a mark is always an action: both reels have a clip
        (airflow.nas / f"{name}.marks.csv").write_text("time,label\n00:00:12,Save\n")
    shutil.copyfile(footage / "long.mp4", airflow.nas / "first.mp4")
    shutil.copyfile(footage / "long.mp4", airflow.nas / "same again.mp4")
    shutil.copyfile(footage / "short.mp4", airflow.nas / ODD_NAME)
    shutil.copyfile(footage / "black.mp4", airflow.nas / "black.mp4")
    content = (footage / "long.mp4").read_bytes()
    (airflow.nas / "truncated.mp4").write_bytes(content[:len(content) * 6 // 10])
    (airflow.nas / "text.mp4").write_text("This is no film.\n" * 1000)
    (airflow.nas / "still copying.mp4.part").write_bytes(content)
    (airflow.nas / ".hidden.mp4").write_bytes(content)

    def decided() -> bool:
        found = recordings.every(airflow.catalogue)
        ended = [run for run in airflow.api.runs("process_match") if run["state"] in ("success", "failed")]
        return (len(found) == 7 and all(row.status != "waiting" for row in found.values()) and not writer.is_alive()
                and len(ended) >= 4)

    first = wait_for("the first run", lambda: matches.every(airflow.catalogue) and airflow.api.runs("process_match"))
    waited_sec = time.time() - started
    assert first
    wait_for("all seven to be decided", decided, 600)
    writer.join()
    return waited_sec


def row(airflow: RunningAirflow, name: str) -> recordings.SeenRecording:
    found = recordings.find(airflow.catalogue, str(airflow.nas / name))
    assert found is not None
    return found


def test_the_first_run_starts_within_a_minute(dropped: float) -> None:
    assert dropped <= 60


def test_the_good_ones_are_published_once_each(airflow: RunningAirflow, dropped: float) -> None:
    names = {"slow.mp4", ODD_NAME, "black.mp4"}
    found = {Path(match.recording).name: match for match in matches.every(airflow.catalogue)}
    assert set(found) - names in ({"first.mp4"}, {"same again.mp4"})
    for match in found.values():
        assert (match.status, match.reason) == ("published", None), match
        assert [run["status"] for run in runs.of_match(airflow.catalogue, match.match_id)] == ["published"]
        assert airflow.folder(match.match_id).manifest.exists()
    assert len(airflow.api.runs("process_match")) == len(found) == 4


def test_the_one_still_being_copied_waited_until_it_was_whole(airflow: RunningAirflow, dropped: float) -> None:
    slow = row(airflow, "slow.mp4")
    [run] = runs.of_match(airflow.catalogue, str(slow.match_id))
    assert run["started_at_ms"] - slow.first_seen_ms >= (COPY_SEC - 10) * 1000
    assert slow.status == "registered"


def test_the_same_content_under_another_name_is_recorded_and_not_processed(
        airflow: RunningAirflow, dropped: float) -> None:
    rows = [row(airflow, "first.mp4"), row(airflow, "same again.mp4")]
    assert sorted(found.status for found in rows) == ["duplicate", "registered"]
    assert rows[0].match_id == rows[1].match_id


def test_five_black_minutes_are_a_match_without_actions(airflow: RunningAirflow, dropped: float) -> None:
    match_id = str(row(airflow, "black.mp4").match_id)
    assert actions.of_match(airflow.catalogue, match_id) == []
    published = json.loads((airflow.folder(match_id).root / "actions.json").read_text())
    assert published["actions"] == []


@pytest.mark.parametrize("name", ["truncated.mp4", "text.mp4"])
def test_a_bad_one_says_why_in_log_catalogue_and_folder(airflow: RunningAirflow, dropped: float, name: str) -> None:
    bad = row(airflow, name)
    assert bad.status == "bad" and bad.reason and "\n" not in bad.reason
    assert airflow.folder(str(bad.match_id)).failure.read_text().strip() == bad.reason
    failed = [(run["dag_run_id"], task) for run in airflow.api.runs("ingest_recordings")
              for task in airflow.api.tasks("ingest_recordings", run["dag_run_id"])
              if task["task_id"] == "check_recording" and task["state"] == "failed"
              and name in (task["rendered_map_index"] or "")]
    assert failed, "no red task names this recording"
    run_id, task = failed[0]
    log = airflow.api.log("ingest_recordings", run_id, "check_recording", task["try_number"], task["map_index"])
    assert any(bad.reason in line for line in log[-6:]), log[-6:]


def test_our_own_output_inside_the_mount_is_never_ingested(airflow: RunningAirflow, dropped: float) -> None:
    reels = list(airflow.output.rglob("*.mp4"))
    assert reels, "there are reels to be tempted by"
    assert not [path for path in recordings.every(airflow.catalogue) if Path(path).is_relative_to(airflow.output)]
    assert not [match for match in matches.every(airflow.catalogue)
                if Path(match.recording).is_relative_to(airflow.output)]


def test_partial_and_hidden_files_are_never_seen(airflow: RunningAirflow, dropped: float) -> None:
    assert recordings.find(airflow.catalogue, str(airflow.nas / ".hidden.mp4")) is None
    assert recordings.find(airflow.catalogue, str(airflow.nas / "still copying.mp4.part")) is None
