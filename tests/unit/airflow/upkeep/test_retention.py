"""Old results, copies of published reels and old versions go; what people made or want to keep never does."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from support.merged import merged
from touchline.catalogue import matches, runs
from touchline.catalogue.connection import writing
from touchline.catalogue.schema import matches as table
from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles
from touchline.errors import INFRASTRUCTURE, Failure, SettingError, StorageError, TouchlineError
from touchline.exports.match_files import actions_json, json_bytes
from touchline.exports.match_folder import NewFile, commit_files
from touchline.results.request import Request, save_request
from touchline.results.result import reuse_or_compute
from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.match.close_match import is_published
from touchline_airflow.upkeep import tidy
from touchline_airflow.upkeep.retention import (
    Plan,
    describe,
    is_pinned,
    note_pins,
    plan_results,
    plan_scratch,
    refuse_too_much,
)
from touchline_airflow.upkeep.sweep import sweep

MATCH, OTHER = "cup-final-0123456789ab", "semi-final-0123456789ab"
DAY_MS = 86_400_000
NOW = time.time_ns() // 1_000_000
PLAIN = DeploymentSettings(min_free_gb=0, retention_days=30)
VIDEO = b"a reel" * 1000


def set_back(settings: Settings, match_id: str, days: float) -> None:
    """Let the match have ended so many days ago."""
    with writing(settings.catalogue_address) as connection:
        connection.execute(table.update().where(table.c.match_id == match_id)
                           .values(updated_at_ms=NOW - round(days * DAY_MS)))


def a_match(settings: Settings, match_id: str = MATCH, *, days: float = 40, status: str = "published") -> WorkFiles:
    """A match with all its results, published from them, that ended so many days ago."""
    recording = settings.nas_mount_path / f"{match_id}.mp4"
    recording.write_bytes(b"recording")
    address = settings.catalogue_address
    matches.register(address, match_id, match_id.ljust(64, "f"), str(recording))
    runs.begin(address, f"match__{match_id}__1", match_id)
    save_request(Request(match_id, (str(recording),), ("f",), ("keeper",)), settings)
    files = WorkFiles(settings.working_dir, match_id)
    sha256 = NewFile.of("x", VIDEO).sha256
    reel = {"name": "keeper", "clips": [{}], "frames": 1, "duration_ms": 1, "sha256": sha256, "size_bytes": len(VIDEO),
            "thumbnails": []}
    probe = {"recordings": [{"path": str(recording), "duration_ms": 1}]}
    for path, step, result in ((files.probe, "probe", probe), (files.scan, "scan", {"hot": [0] * 500}),
                               (files.spottings("chunk-0000"), "spot_chunk", {"windows": [0] * 500}),
                               (files.actions, "merge_actions", merged()),
                               (files.reel("keeper"), "render_reel", reel)):
        reuse_or_compute(path, step, {}, lambda result=result: dict(result))
    files.reel_video("keeper").write_bytes(VIDEO)
    if status == "published":
        publish(settings, match_id)
    else:
        MatchFolder(settings.nas_output_path, match_id).root.mkdir()
    matches.update(address, match_id, status=status)
    failure = None if status == "published" else Failure(INFRASTRUCTURE, "it failed")
    runs.end(address, f"match__{match_id}__1", failure)
    set_back(settings, match_id, days)
    return files


def publish(settings: Settings, match_id: str) -> None:
    told = json_bytes(actions_json(match_id, merged()))
    found = [NewFile.of("actions.json", told), NewFile.of("reels/keeper.mp4", VIDEO)]
    commit = commit_files(MatchFolder(settings.nas_output_path, match_id), found)
    reuse_or_compute(WorkFiles(settings.working_dir, match_id).published, "publish", {},
                     lambda: {"manifest": commit.manifest_sha256})


def remove(plan: Plan, settings: Settings) -> list[str]:
    said: list[str] = []
    sweep(plan, settings, said.append)
    return said


def names(plan: Plan) -> set[str]:
    return {str(Path(*candidate.path.parts[2:])) for candidate in plan.going}


GOES = {"scan.json", "scan.stats.json", "spottings/chunk-0000.json", "spottings/chunk-0000.stats.json",
        "reels/keeper.mp4"}


@pytest.mark.parametrize(("days", "status", "going"), [
    (40, "published", GOES), (29, "published", set()),
    (40, "failed", GOES - {"reels/keeper.mp4"}),  # its reel is nowhere else
    (40, "processing", set()), (40, "registered", set())])
def test_what_goes_by_age(own_settings: Settings, days: int, status: str, going: set[str]) -> None:
    a_match(own_settings, days=days, status=status)
    assert names(plan_results(own_settings, PLAIN, NOW)) == going


def test_a_published_match_stays_published_and_its_reel_is_there(own_settings: Settings) -> None:
    files, folder = a_match(own_settings), MatchFolder(own_settings.nas_output_path, MATCH)
    before = {path: path.read_bytes() for path in folder.root.rglob("*") if path.is_file()}
    said = remove(plan_results(own_settings, PLAIN, NOW), own_settings)
    assert said[-1].startswith("reel copies: 1 MB freed, results: ")
    assert not files.scan.exists() and not files.reel_video("keeper").exists()
    assert {path: path.read_bytes() for path in folder.root.rglob("*") if path.is_file()} == before
    assert is_published(MATCH, own_settings)
    run = tidy.OpenRun(f"match__{MATCH}__1", MATCH)
    assert tidy.close_ended_run(run, "failed", {"scan": "failed"}, own_settings) is None
    assert plan_results(own_settings, PLAIN, NOW + 40 * DAY_MS).going == ()


@pytest.mark.parametrize("name", ["KEEP", "keep", "Keep.txt"])
def test_a_pinned_match_is_never_touched(own_settings: Settings, name: str) -> None:
    a_match(own_settings)
    pin = MatchFolder(own_settings.nas_output_path, MATCH).root / name
    plan = plan_results(own_settings, PLAIN, NOW)
    pin.touch()
    assert plan_results(own_settings, PLAIN, NOW).going == ()
    assert "is left alone" in remove(plan, own_settings)[0], "it was pinned after it was planned"
    assert note_pins(own_settings) == [MATCH] == note_pins(own_settings)
    assert matches.every(own_settings.catalogue_address)[0].pinned
    pin.unlink()
    assert plan_results(own_settings, PLAIN, NOW).going == (), "the catalogue says so until the next look"
    assert note_pins(own_settings) == []
    assert names(plan_results(own_settings, PLAIN, NOW)) == GOES


def test_a_match_that_is_pinned_in_the_catalogue_and_whose_folder_is_away_stays_pinned(own_settings: Settings) -> None:
    a_match(own_settings)
    matches.pin(own_settings.catalogue_address, {MATCH: True})
    MatchFolder(own_settings.nas_output_path, MATCH).root.rename(own_settings.nas_output_path / "elsewhere")
    assert note_pins(own_settings) == [MATCH]
    assert plan_results(own_settings, PLAIN, NOW).going == ()


def test_a_match_that_is_taken_after_it_was_planned_is_left_alone(own_settings: Settings) -> None:
    files = a_match(own_settings)
    plan = plan_results(own_settings, PLAIN, NOW)
    matches.take_lease(own_settings.catalogue_address, MATCH, "run-2", lambda _: True)
    assert "is left alone" in remove(plan, own_settings)[0]
    assert plan_results(own_settings, PLAIN, NOW).going == ()
    assert files.scan.exists() and files.reel_video("keeper").exists()


def test_without_an_output_folder_nothing_is_planned(own_settings: Settings) -> None:
    a_match(own_settings)
    away = replace(own_settings, nas_output_path=own_settings.nas_output_path / "away")
    with pytest.raises(StorageError, match="is not a folder; mount or create it"):
        plan_results(away, PLAIN, NOW)
    with pytest.raises(StorageError, match="is not a folder; mount or create it"):
        note_pins(away)
    empty = own_settings.nas_output_path.parent / "mount-point"
    empty.mkdir()
    assert plan_results(replace(own_settings, nas_output_path=empty), PLAIN, NOW).going == ()


def test_a_copy_stays_while_the_published_reel_is_not_whole(own_settings: Settings) -> None:
    files = a_match(own_settings)
    plan = plan_results(own_settings, PLAIN, NOW)
    [version] = MatchFolder(own_settings.nas_output_path, MATCH).versions.glob("*.mp4")
    version.write_bytes(VIDEO.replace(b"a", b"b"))
    remove(plan, own_settings)
    assert files.reel_video("keeper").exists() and not files.scan.exists()


def test_versions_that_the_manifest_does_not_name_go_by_age(own_settings: Settings) -> None:
    a_match(own_settings)
    versions = MatchFolder(own_settings.nas_output_path, MATCH).versions
    old, young, other = (versions / name for name in (
        "reels__keeper.0123456789ab.mp4", "reels__keeper.ab0123456789.mp4", "notes of the coach.txt"))
    for path, days in ((old, 31), (young, 29), (other, 99)):
        path.write_bytes(b"x")
        os.utime(path, (NOW / 1000 - days * 86_400,) * 2)
    named = [path for path in versions.iterdir() if path not in (old, young, other)]
    for path in named:
        os.utime(path, (1, 1))
    remove(plan_results(own_settings, PLAIN, NOW), own_settings)
    assert not old.exists() and young.exists() and other.exists() and all(path.exists() for path in named)


def test_for_want_of_space_the_oldest_published_match_goes_first(own_settings: Settings) -> None:
    a_match(own_settings, MATCH, days=2)
    a_match(own_settings, OTHER, days=9)
    a_match(own_settings, "lost-final-0123456789ab", days=20, status="failed")
    used = sum(path.stat().st_size for path in own_settings.working_dir.rglob("*") if path.is_file())
    tight = replace(PLAIN, working_budget_gb=(used - 1000) / 1e9)
    assert {candidate.match.match_id for candidate in plan_results(own_settings, tight, NOW).going} == {OTHER}
    tighter = replace(PLAIN, working_budget_gb=0.000001)
    plan = plan_results(own_settings, tighter, NOW)
    assert [candidate.match.match_id for candidate in plan.going] == [OTHER] * 5 + [MATCH] * 5
    assert {candidate.why for candidate in plan.going} == {f"{own_settings.working_dir} is over its budget"}
    assert plan_results(own_settings, PLAIN, NOW).going == ()


def test_scratch_goes_after_a_day_or_for_want_of_space(own_settings: Settings) -> None:
    for match_id, hours in ((MATCH, 25), (OTHER, 1)):
        a_match(own_settings, match_id, days=3)
        clip = ScratchFiles(own_settings.scratch_dir, match_id).clip("clip", "a" * 12)
        clip.parent.mkdir(parents=True)
        clip.write_bytes(bytes(1000))
        os.utime(clip, (NOW / 1000 - hours * 3600,) * 2)
    assert {item.match.match_id for item in plan_scratch(own_settings, PLAIN, NOW).going} == {MATCH}
    tight = replace(PLAIN, scratch_budget_gb=1e-9)
    plan = plan_scratch(own_settings, tight, NOW)
    assert {item.match.match_id for item in plan.going} == {MATCH, OTHER}
    remove(plan, own_settings)
    assert not any((own_settings.scratch_dir / "matches").iterdir())


def test_links_are_never_followed(own_settings: Settings, tmp_path: Path) -> None:
    files = a_match(own_settings)
    precious = tmp_path / "precious"
    (precious / "spottings").mkdir(parents=True)
    (precious / "spottings" / "chunk-0000.json").write_text("precious")
    (precious / "scan.json").write_text("precious")
    plan = plan_results(own_settings, PLAIN, NOW)
    for path in (*files.root.glob("spottings/*"), files.scan):
        path.unlink()
    (files.root / "spottings").rmdir()
    (files.root / "spottings").symlink_to(precious / "spottings")
    files.scan.symlink_to(precious / "scan.json")
    with pytest.raises(TouchlineError, match="2 files could not be removed"):
        remove(plan, own_settings)
    assert sorted(path.name for path in precious.rglob("*.json")) == ["chunk-0000.json", "scan.json"]
    assert {"scan.json", "spottings/chunk-0000.json"} & names(plan_results(own_settings, PLAIN, NOW)) == set()


@pytest.mark.parametrize(("changed", "line"), [
    ({"nas_output_path": "work/matches"}, "NAS_OUTPUT_PATH=.* lies in .* of WORKING_DIR"),
    ({"scratch_dir": "work"}, "SCRATCH_DIR=.*|WORKING_DIR=.* lies in"),
    ({"nas_mount_path": "scratch/matches/nas"}, "NAS_MOUNT_PATH=.* lies in .* of SCRATCH_DIR")])
def test_folders_that_overlap_are_refused(own_settings: Settings, changed: dict[str, str], line: str) -> None:
    root = own_settings.working_dir.parent
    for path in changed.values():
        (root / path).mkdir(parents=True, exist_ok=True)
    wrong = replace(own_settings, **{name: root / path for name, path in changed.items()})
    with pytest.raises(SettingError, match=line):
        plan_results(wrong, PLAIN, NOW)


def test_it_stops_when_more_than_half_would_go(own_settings: Settings) -> None:
    a_match(own_settings)
    plan = plan_results(own_settings, PLAIN, NOW)
    with pytest.raises(TouchlineError, match=r"nothing was removed: [0-9]+% of the .* would go \(5 files, 1 MB\), more "
                                             r"than RETENTION_MOST_PERCENT=10; look at it with dry_run"):
        refuse_too_much(plan, 10)
    refuse_too_much(plan, 100)
    refuse_too_much(Plan((), 0, 0), 50)


def test_the_plan_is_told_in_one_line_for_each_match_and_kind(own_settings: Settings) -> None:
    a_match(own_settings)
    results, copies, whole = describe(plan_results(own_settings, PLAIN, NOW))
    why = "nobody has worked on it for 40 days"
    assert results == f"{MATCH}: results, 4 files, 1 MB below {own_settings.working_dir}: {why}"
    assert copies == f"{MATCH}: reel copies, 1 file, 1 MB below {own_settings.working_dir}: {why}"
    assert whole.startswith("in all 5 files, 1 MB of ")


# --- whatever lies there --------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Odd:
    """A match as it may be found, and what people or accidents put where."""

    status: str
    days: int
    pinned: str
    leased: bool
    extra: tuple[str, ...]
    manifest: str


PLACES = ("work/matches/{m}/reels/highlights.mp4", "work/matches/{m}/reels/export.xml", "work/matches/{m}/notes.txt",
          "work/matches/{m}/spottings/chunk-0001.json", "work/matches/{m}/spottings/mine.json", "work/backups/a.dump",
          "output/{m}/reels/old.mp4", "output/{m}/actions.csv", "output/{m}/.versions/reels__keeper.0123456789ab.mp4",
          "output/{m}/.versions/mine.mp4", "output/other/keep me.mp4", "scratch/matches/{m}/clips/a.mkv",
          "scratch/gpu-leases/0", "nas/another.mp4", "work/matches/unknown-0123456789ab/scan.json")
ODD = st.builds(Odd, st.sampled_from(["published", "failed", "bad", "processing", "registered"]), st.integers(0, 60),
                st.sampled_from(["", "", "KEEP"]), st.booleans(),
                st.lists(st.sampled_from(PLACES), max_size=6, unique=True).map(tuple),
                st.sampled_from(["whole", "whole", "damaged", "missing"]))
MAY_GO = ("/scan.json", "/scan.stats.json", "/spottings/chunk-", "/reels/keeper.mp4", "reels__keeper.0123456789ab.mp4")


@effort(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(odds=st.lists(ODD, min_size=1, max_size=4), tight=st.booleans())
def test_whatever_lies_there_nothing_is_lost_that_must_stay(
        tmp_path_factory: pytest.TempPathFactory, odds: list[Odd], tight: bool) -> None:
    root = tmp_path_factory.mktemp("tree")
    settings = Settings(nas_mount_path=root / "nas", nas_output_path=root / "output", working_dir=root / "work",
                        scratch_dir=root / "scratch")
    for name in ("nas", "output", "work", "scratch"):
        (root / name).mkdir()
    for number, odd in enumerate(odds):
        arrange(settings, root, f"m{number}-0123456789ab", odd)
    protected = {path: path.read_bytes() for number, odd in enumerate(odds)
                 for path in must_stay(root, f"m{number}-0123456789ab", odd)}
    deployment = replace(PLAIN, working_budget_gb=1e-9, scratch_budget_gb=1e-9) if tight else PLAIN
    note_pins(settings)
    for plan in (plan_results, plan_scratch):
        sweep(plan(settings, deployment, NOW), settings, lambda _: None)
    assert {path: path.read_bytes() for path in protected if path.is_file()} == protected


def arrange(settings: Settings, root: Path, match_id: str, odd: Odd) -> None:
    a_match(settings, match_id, days=odd.days)
    address, folder = settings.catalogue_address, MatchFolder(settings.nas_output_path, match_id)
    for place in odd.extra:
        path = root / place.format(m=match_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"extra")
        os.utime(path, (NOW / 1000 - odd.days * 86_400,) * 2)
    (WorkFiles(settings.working_dir, match_id).root / "spottings" / "chunk-0009.json").symlink_to(root / "nas")
    if odd.manifest == "damaged":
        folder.manifest.write_text("{")
    elif odd.manifest == "missing":
        folder.manifest.unlink()
    if odd.pinned == "KEEP":
        (folder.root / "KEEP").touch()
    matches.update(address, match_id, status=odd.status)
    if odd.leased:
        matches.take_lease(address, match_id, "run-2", lambda _: True)
    set_back(settings, match_id, odd.days)


def must_stay(root: Path, match_id: str, odd: Odd) -> set[Path]:
    """All that lies there but what may go of a match that nobody works on and nobody pinned."""
    files = {path for path in root.rglob("*") if path.is_file() and "catalogue.db" not in path.name}
    mine = {path for path in files if f"/{match_id}/" in str(path)}
    if odd.leased or odd.pinned == "KEEP" or odd.status in ("processing", "registered"):
        return mine
    scratch = {path for path in mine if path.is_relative_to(root / "scratch")}
    results = {path for path in mine if path.is_relative_to(root / "work") and any(end in str(path) for end in MAY_GO)}
    if odd.manifest != "whole":
        results -= {path for path in results if path.name == "keeper.mp4"}
        if odd.status == "published":
            results = set()
    versions = {path for path in mine if path.name == "reels__keeper.0123456789ab.mp4" and odd.manifest == "whole"}
    elsewhere = {path for path in files if not any(f"/m{number}-0123456789ab/" in str(path) for number in range(9))}
    return (mine | elsewhere) - scratch - results - versions


def test_a_folder_without_a_pin_is_not_pinned(own_settings: Settings) -> None:
    a_match(own_settings)
    folder = MatchFolder(own_settings.nas_output_path, MATCH)
    (folder.root / "keeper notes.txt").touch()
    assert not is_pinned(folder)
