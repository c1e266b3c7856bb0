"""What does not fit waits and says for what; what never fits is told at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from touchline.catalogue import matches
from touchline.catalogue.failures import columns_of
from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles
from touchline.errors import SETTING, STORAGE, Failure, UsageError
from touchline.results.request import Request, save_request
from touchline.results.result import reuse_or_compute
from touchline.settings import Settings
from touchline_airflow.capacity.disk_space import (
    CLIP_TIMES,
    WORKING_PART,
    NoSpaceYetError,
    clips_need,
    copy_fits,
    note_given_up,
    note_waiting,
    require_scratch,
    require_working,
    shown,
    used_bytes,
)
from touchline_airflow.deployment import DeploymentSettings

MATCH, OTHER = "cup-final-0123456789ab", "semi-final-0123456789ab"
MB = 1_000_000
NO_RESERVE = DeploymentSettings(min_free_gb=0)


def sparse(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as handle:
        handle.truncate(size)
    return path


def real(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))


def a_match(settings: Settings, match_id: str, size: int, clips_sec: int = 0) -> Request:
    """A registered match with a recording of 1000 s, and a plan of one reel where `clips_sec` are asked for."""
    path = sparse(settings.nas_mount_path / f"{match_id}.mp4", size)
    matches.register(settings.catalogue_address, match_id, match_id.ljust(64, "f"), str(path))
    request = Request(match_id, (str(path),), ("f" * 64,), ("keeper",))
    save_request(request, settings)
    files = WorkFiles(settings.working_dir, match_id)
    reuse_or_compute(files.probe, "probe", {}, lambda: {"recordings": [{"path": str(path), "duration_ms": 1_000_000}]})
    reuse_or_compute(files.reels, "plan_reels", {}, lambda: {
        "reels": {"keeper": [{"start_ms": 0, "end_ms": clips_sec * 1000}]}})
    return request


def hold(settings: Settings, match_id: str) -> None:
    matches.take_lease(settings.catalogue_address, match_id, f"run-of-{match_id}", lambda _: True)


def row(settings: Settings) -> matches.Match:
    found = matches.find(settings.catalogue_address, MATCH)
    assert found
    return found


def test_without_budgets_the_disk_decides(own_settings: Settings) -> None:
    require_working(a_match(own_settings, MATCH, 100 * MB), own_settings, NO_RESERVE)
    with pytest.raises(NoSpaceYetError, match="left within MIN_FREE_GB of its disk"):
        require_working(a_match(own_settings, MATCH, 100 * MB), own_settings, DeploymentSettings(min_free_gb=900_000))


def test_a_match_waits_while_the_budget_is_used(own_settings: Settings) -> None:
    request, deployment = a_match(own_settings, MATCH, 100 * MB), replace(NO_RESERVE, working_budget_gb=0.06)
    require_working(request, own_settings, deployment)
    real(own_settings.working_dir / "matches" / OTHER / "reels" / "keeper.mp4", 20 * MB)
    with pytest.raises(NoSpaceYetError) as caught:
        require_working(request, own_settings, deployment)
    assert str(caught.value).startswith(
        f"waiting for space: {MATCH} needs about {shown(round(WORKING_PART * 100 * MB))[:1]}")
    assert f"more in WORKING_DIR ({own_settings.working_dir}), which has 4" in str(caught.value)
    assert "left within WORKING_BUDGET_GB=0.06; free some" in str(caught.value)


def test_what_matches_at_work_will_still_take_is_promised_to_them(own_settings: Settings) -> None:
    request, deployment = a_match(own_settings, MATCH, 100 * MB), replace(NO_RESERVE, working_budget_gb=0.08)
    a_match(own_settings, OTHER, 100 * MB)
    require_working(request, own_settings, deployment)
    hold(own_settings, OTHER)
    with pytest.raises(NoSpaceYetError):
        require_working(request, own_settings, deployment)
    real(WorkFiles(own_settings.working_dir, OTHER).reel_video("keeper"), 1 * MB)  # its promise gets smaller by that
    with pytest.raises(NoSpaceYetError):
        require_working(request, own_settings, deployment)
    matches.release_lease(own_settings.catalogue_address, OTHER, f"run-of-{OTHER}")
    require_working(request, own_settings, deployment)


def test_what_a_match_has_already_is_not_asked_for_again(own_settings: Settings) -> None:
    request, deployment = a_match(own_settings, MATCH, 100 * MB), replace(NO_RESERVE, working_budget_gb=0.06)
    real(WorkFiles(own_settings.working_dir, MATCH).reel_video("keeper"), 40 * MB)
    require_working(request, own_settings, deployment)


def test_a_match_that_is_larger_than_the_budget_is_refused_at_once(own_settings: Settings) -> None:
    request = a_match(own_settings, MATCH, 10_000 * MB)
    with pytest.raises(UsageError, match=r"needs about 5\.0 GB in WORKING_DIR .* and WORKING_BUDGET_GB allows 2\.0 GB "
                                         r"in all: raise it, then clear the task"):
        require_working(request, own_settings, replace(NO_RESERVE, working_budget_gb=2))


def test_a_reel_needs_its_clips_twice(own_settings: Settings) -> None:
    a_match(own_settings, MATCH, 1000 * MB, clips_sec=10)
    assert clips_need(MATCH, own_settings) == round(2 * 10 * (CLIP_TIMES * MB + 192_000))


def test_a_reel_waits_for_the_clips_of_a_match_that_began_before(own_settings: Settings) -> None:
    a_match(own_settings, MATCH, 1000 * MB, clips_sec=10)
    a_match(own_settings, OTHER, 1000 * MB, clips_sec=10)
    deployment = replace(NO_RESERVE, scratch_budget_gb=0.07)
    hold(own_settings, OTHER)
    require_scratch(MATCH, "render_reel", own_settings, deployment)
    real(ScratchFiles(own_settings.scratch_dir, OTHER).clip("a", "b" * 12), MB)
    with pytest.raises(NoSpaceYetError, match=f"render_reel of {MATCH} needs about 48 MB more in SCRATCH_DIR"):
        require_scratch(MATCH, "render_reel", own_settings, deployment)
    require_scratch(OTHER, "render_reel", own_settings, deployment)
    require_scratch(MATCH, "spot_chunk", own_settings, deployment)


def test_a_chunk_waits_only_when_nothing_is_left(own_settings: Settings) -> None:
    a_match(own_settings, MATCH, MB)
    real(own_settings.scratch_dir / "other", 10 * MB)
    require_scratch(MATCH, "spot_chunk", own_settings, replace(NO_RESERVE, scratch_budget_gb=0.02))
    with pytest.raises(NoSpaceYetError, match=r"which has 0 MB left within SCRATCH_BUDGET_GB=0\.01"):
        require_scratch(MATCH, "spot_chunk", own_settings, replace(NO_RESERVE, scratch_budget_gb=0.01))


def test_a_copy_of_the_recording_is_made_only_where_it_fits(own_settings: Settings) -> None:
    a_match(own_settings, MATCH, 50 * MB)
    assert copy_fits(MATCH, own_settings, replace(NO_RESERVE, scratch_budget_gb=0.051))
    assert not copy_fits(MATCH, own_settings, replace(NO_RESERVE, scratch_budget_gb=0.049))


def test_the_catalogue_says_what_a_match_waits_for_and_a_published_one_stays_so(own_settings: Settings) -> None:
    a_match(own_settings, MATCH, MB)
    note_waiting(MATCH, Failure(STORAGE, "waiting for space: much"), own_settings)
    assert (row(own_settings).status, row(own_settings).reason) == ("registered", "waiting for space: much")
    matches.update(own_settings.catalogue_address, MATCH, status="published", **columns_of(None))
    note_waiting(MATCH, Failure(STORAGE, "waiting for space: much"), own_settings)
    note_given_up(MATCH, Failure(SETTING, "too large"), own_settings)
    assert (row(own_settings).status, row(own_settings).reason) == ("published", None)
    assert not MatchFolder(own_settings.nas_output_path, MATCH).root.exists()


def test_a_match_that_cannot_be_begun_has_failed_for_that_reason(own_settings: Settings) -> None:
    a_match(own_settings, MATCH, MB)
    note_given_up(MATCH, Failure(SETTING, "too large"), own_settings)
    assert (row(own_settings).status, row(own_settings).failure) == ("failed", Failure(SETTING, "too large"))
    assert MatchFolder(own_settings.nas_output_path, MATCH).failure.read_text() == "too large\n"


def test_links_are_not_followed_when_space_is_counted(tmp_path: Path) -> None:
    real(tmp_path / "elsewhere" / "big", MB)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "link").symlink_to(tmp_path / "elsewhere")
    assert used_bytes(tmp_path / "own") < MB
