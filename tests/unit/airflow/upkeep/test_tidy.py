"""A run that ended without its last task is closed with a true reason, and what it left is removed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from support.merged import merged
from touchline.beneath.folder import temporary_name
from touchline.catalogue import matches, runs
from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles
from touchline.exports.match_files import actions_json, json_bytes
from touchline.exports.match_folder import NewFile, commit_files
from touchline.results.request import Request, save_request
from touchline.results.result import reuse_or_compute
from touchline.settings import Settings
from touchline_airflow.upkeep import tidy
from touchline_airflow.upkeep.tidy import OpenRun, close_ended_run, open_runs

MATCH, RUN = "cup-final-0123456789ab", "match__cup-final-0123456789ab__1"
OPEN = OpenRun(RUN, MATCH)
KILLED = {"probe": "success", "spot_chunk_0": "success", "spot_chunk_1": "failed", "publish": "skipped"}


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    """A match that a run is working on: it holds the lease."""
    address = own_settings.catalogue_address
    matches.register(address, MATCH, "f" * 64, "/nas/Cup final.mp4")
    matches.take_lease(address, MATCH, RUN, lambda _: True)
    runs.begin(address, RUN, MATCH)
    matches.update(address, MATCH, status="processing")
    save_request(Request(MATCH, ("/nas/Cup final.mp4",), ("f" * 64,), ("keeper",)), own_settings)
    return own_settings


def publish(settings: Settings) -> None:
    files = WorkFiles(settings.working_dir, MATCH)
    keeper = {"name": "keeper", "clips": [], "frames": 0, "duration_ms": 0, "sha256": None, "size_bytes": 0}
    reuse_or_compute(files.actions, "merge_actions", {}, merged)
    reuse_or_compute(files.reel("keeper"), "render_reel", {}, lambda: keeper)
    found = NewFile.of("actions.json", json_bytes(actions_json(MATCH, merged())))
    commit = commit_files(MatchFolder(settings.nas_output_path, MATCH), [found])
    reuse_or_compute(files.published, "publish", {}, lambda: {"manifest": commit.manifest_sha256})


def row(settings: Settings) -> matches.Match:
    found = matches.find(settings.catalogue_address, MATCH)
    assert found
    return found


@pytest.mark.parametrize(("state", "states", "reason"), [
    ("failed", KILLED, "the run was marked failed by hand while spot_chunk_1 was not done"),
    ("failed", {"render_reel_0": "failed", "render_reel_1": "failed"},
     "the run was marked failed by hand while render_reel_0, render_reel_1 were not done"),
    ("failed", {"scan": "skipped"}, "the run was ended before the match was published: marked failed by hand, or over"),
    ("success", {"scan": "success"}, "the run ended as success, but published nothing"),
    ("success", {"scan": "success", "publish": "skipped"}, "the run ended as success, but without publish"),
    (None, {}, "the run was deleted in Airflow before the match was published"),
    ("failed", {"scan": "failed", "publish": "upstream_failed", "close_match": "failed"}, "scan failed: read the task"),
])
def test_the_reason_is_true(settings: Settings, state: str | None, states: dict[str, str | None], reason: str) -> None:
    told = close_ended_run(OPEN, state, states, settings)
    assert told and told.reason.startswith(reason) and "\n" not in told.reason
    assert told.cause == ("infrastructure" if reason.startswith("scan failed") else "stopped")
    assert (row(settings).status, row(settings).failure, row(settings).lease_holder) == ("failed", told, None)
    assert MatchFolder(settings.nas_output_path, MATCH).failure.read_text() == f"{told.reason}\n"
    assert [run["status"] for run in runs.of_match(settings.catalogue_address, MATCH)] == ["failed"]
    assert open_runs(settings) == []


@pytest.mark.parametrize("state", ["success", "failed"])
def test_a_match_whose_folder_holds_the_results_counts_as_published(settings: Settings, state: str) -> None:
    publish(settings)
    assert close_ended_run(OPEN, state, {"close_match": "failed", "publish": "success"}, settings) is None
    assert (row(settings).status, row(settings).reason, row(settings).lease_holder) == ("published", None, None)


def test_a_match_that_another_run_has_taken_over_is_left_to_it(settings: Settings) -> None:
    matches.take_lease(settings.catalogue_address, MATCH, "manual__2", lambda _: False)
    runs.begin(settings.catalogue_address, "manual__2", MATCH)
    publish(settings)
    close_ended_run(OPEN, "failed", KILLED, settings)
    assert (row(settings).status, row(settings).lease_holder) == ("processing", "manual__2")
    assert [run["status"] for run in runs.of_match(settings.catalogue_address, MATCH)] == ["failed", "running"]
    assert not MatchFolder(settings.nas_output_path, MATCH).failure.exists()


def test_a_cleared_run_that_holds_the_lease_again_is_open(settings: Settings) -> None:
    runs.end(settings.catalogue_address, RUN)
    assert open_runs(settings) == [OPEN]


def test_the_ingests_run_of_a_registered_match_is_open(own_settings: Settings) -> None:
    matches.register(own_settings.catalogue_address, MATCH, "f" * 64, "/nas/Cup final.mp4")
    assert open_runs(own_settings) == [OpenRun(RUN, MATCH, begun=False)]
    close_ended_run(OpenRun(RUN, MATCH, begun=False), "failed", {"open_match": "failed"}, own_settings)
    assert row(own_settings).status == "failed"
    assert open_runs(own_settings) == []


def test_scratch_and_temporary_files_go_with_the_run(settings: Settings) -> None:
    left = [WorkFiles(settings.working_dir, MATCH).root / "reels" / temporary_name("keeper.json"),
            MatchFolder(settings.nas_output_path, MATCH).root / "reels" / temporary_name("keeper.mp4"),
            ScratchFiles(settings.scratch_dir, MATCH).clip("clip-1", "f" * 64)]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    close_ended_run(OPEN, "failed", KILLED, settings)
    assert [path for path in left if path.exists()] == []


def test_orphans_go_when_nobody_writes_to_them_any_more(own_settings: Settings) -> None:
    old, new = orphans(own_settings, "old-0123456789ab"), orphans(own_settings, "new-0123456789ab")
    past = time.time() - tidy.ABANDONED_AFTER_SEC - 1
    for path in old:
        for each in (path, *path.parents):
            if each.is_relative_to(own_settings.scratch_dir / "matches" / "old-0123456789ab") or each in old:
                os.utime(each, (past, past))
    tidy.remove_orphans(own_settings, lambda _: None)
    tidy.remove_scratch(own_settings, lambda _: None)
    assert [path.exists() for path in old] == [False, False]
    assert [path.exists() for path in new] == [True, True]


def test_orphans_that_a_clock_that_ran_ahead_dated_in_the_future_go_as_well(
        own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = orphans(own_settings, "old-0123456789ab")
    work, scratch = own_settings.working_dir / "matches", own_settings.scratch_dir / "matches"
    people = own_settings.nas_output_path / "old-0123456789ab" / "notes.txt"
    people.parent.mkdir()
    people.touch()
    year = time.time() + 365 * 86_400
    for path in (*work.rglob("*"), *scratch.rglob("*"), people):
        os.utime(path, (year, year))
    for _ in range(2):
        tidy.remove_orphans(own_settings, lambda _: None)
        tidy.remove_scratch(own_settings, lambda _: None)
        assert all(path.exists() for path in paths), "it counts as written now"
    later = time.time() + tidy.ABANDONED_AFTER_SEC + 1
    monkeypatch.setattr(tidy.time, "time", lambda: later)
    tidy.remove_orphans(own_settings, lambda _: None)
    tidy.remove_scratch(own_settings, lambda _: None)
    assert [path.exists() for path in paths] == [False, False]
    assert people.stat().st_mtime == year


def test_what_a_running_match_writes_is_left_alone(settings: Settings) -> None:
    paths = orphans(settings, MATCH)
    for path in paths:
        os.utime(path, (0, 0))
    tidy.remove_orphans(settings, lambda _: None)
    tidy.remove_scratch(settings, lambda _: None)
    assert all(path.exists() for path in paths)


def test_scratch_of_another_machine_goes_as_soon_as_the_run_has_ended(settings: Settings) -> None:
    close_ended_run(OPEN, "failed", KILLED, settings)
    _, clip = orphans(settings, MATCH)
    tidy.remove_scratch(settings, lambda _: None)
    assert clip.exists(), "somebody wrote to it after the run"
    during = time.time() - 60
    for path in (clip, *clip.parents):
        if path.is_relative_to(settings.scratch_dir / "matches" / MATCH):
            os.utime(path, (during, during))
    tidy.remove_scratch(settings, lambda _: None)
    assert not clip.exists()


def test_clips_of_a_provisional_match_stay_for_its_next_chapter(own_settings: Settings) -> None:
    address = own_settings.catalogue_address
    chapter = WorkFiles(own_settings.working_dir, MATCH).chapter("live 0001.mkv")
    matches.register(address, MATCH, "f" * 64, str(chapter))
    matches.take_lease(address, MATCH, RUN, lambda _: True)
    runs.begin(address, RUN, MATCH)
    work, clip = orphans(own_settings, MATCH)
    close_ended_run(OPEN, "failed", KILLED, own_settings)
    assert (work.exists(), clip.exists()) == (False, True)
    for path in (clip, *clip.parents):
        if path.is_relative_to(own_settings.scratch_dir / "matches" / MATCH):
            os.utime(path, (time.time() - 60, time.time() - 60))
    tidy.remove_scratch(own_settings, lambda _: None)
    assert clip.exists()


def orphans(settings: Settings, match_id: str) -> list[Path]:
    paths = [WorkFiles(settings.working_dir, match_id).root / temporary_name("scan.json"),
             ScratchFiles(settings.scratch_dir, match_id).clip("clip-1", "f" * 64)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths
