"""A step, or a stranger at the NAS, has put links, pipes and trees into a match's folders: nothing outside changes."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from touchline.beneath.folder import temporary_name
from touchline.catalogue import matches, runs
from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles
from touchline.errors import INFRASTRUCTURE, DamagedResultError, Failure, TouchlineError, UntrustedFileError
from touchline.results.files import write_json
from touchline.results.request import Request, load_request, save_request
from touchline.results.result import digest_of, read_result, read_stats, reuse_or_compute
from touchline.results.thumbnails import MOST_BYTES, read_thumbnail
from touchline.settings import Settings
from touchline_airflow.books.failure_note import remove_failure, write_failure
from touchline_airflow.books.noted import headline, noted_actions, noted_reels
from touchline_airflow.capacity.disk_space import used_bytes
from touchline_airflow.match.close_match import close_run, is_published
from touchline_airflow.match.copying import has_copies
from touchline_airflow.match.request import request_of
from touchline_airflow.recovery.content import opened_results, published_folders, results
from touchline_airflow.upkeep import tidy
from touchline_airflow.upkeep.retention import is_pinned

MATCH, RUN = "cup-final-0123456789ab", "match__cup-final-0123456789ab__1"
NAMES = ("FAILED.txt", "manifest.json", "scan.json", ".scan.json.0123456789abcdef.part", "clip.mkv", "keep.txt",
         "clip-00000001-00000002.jpg")


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    """A match that was asked for, without any folder of its own."""
    recording = own_settings.nas_mount_path / "cup.mp4"
    recording.write_bytes(b"film")
    save_request(Request(MATCH, (str(recording),), ("f" * 64,), ("keeper",)), own_settings)
    return own_settings


@pytest.fixture
def running(settings: Settings) -> Settings:
    """The same, with a run that works on it."""
    address = settings.catalogue_address
    matches.register(address, MATCH, "f" * 64, str(settings.nas_mount_path / "cup.mp4"))
    runs.begin(address, RUN, MATCH)
    return settings


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """Somebody else's folder with files named as ours; as it was when the test ends."""
    folder = tmp_path / "victim"
    (folder / "reels").mkdir(parents=True)
    for name in NAMES:
        (folder / name).write_text("somebody else's")
        os.utime(folder / name, (0, 0))
    before = {path: path.lstat() for path in sorted(folder.rglob("*"))}
    yield folder
    assert {path: path.lstat() for path in sorted(folder.rglob("*"))} == before
    assert {(folder / name).read_text() for name in NAMES} == {"somebody else's"}


def roots(settings: Settings) -> dict[str, Path]:
    return {"work": WorkFiles(settings.working_dir, MATCH).root, "output": MatchFolder(settings.nas_output_path,
                                                                                      MATCH).root,
            "scratch": ScratchFiles(settings.scratch_dir, MATCH).root}


def plant(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)


def test_the_failure_note_goes_through_no_link(settings: Settings, victim: Path) -> None:
    folder = MatchFolder(settings.nas_output_path, MATCH)
    plant(folder.root, victim)
    with pytest.raises(UntrustedFileError, match="is a link") as refused:
        write_failure(folder, "why")
    assert "\n" not in str(refused.value)
    with pytest.raises(UntrustedFileError):
        remove_failure(folder)
    folder.root.unlink()
    plant(folder.failure, victim / "FAILED.txt")
    write_failure(folder, "why")
    assert folder.failure.read_text() == "why\n" and not folder.failure.is_symlink()


@pytest.mark.parametrize("place", ["work", "output", "scratch"])
@pytest.mark.parametrize("below", ["", "reels", ".versions", "clips"])
def test_tidy_removes_nothing_through_a_link(running: Settings, victim: Path, place: str, below: str) -> None:
    plant(roots(running)[place] / below, victim)
    tidy.remove_temporary_files(MATCH, running)
    tidy.remove_orphans(running, lambda _: None)
    tidy.remove_scratch(running, lambda _: None)
    close_run(MATCH, RUN, Failure(INFRASTRUCTURE, "it failed"), running)


def test_tidy_removes_names_of_ours_only(settings: Settings) -> None:
    root = roots(settings)["output"]
    ours = root / "reels" / temporary_name("keeper.mp4")
    theirs = [root / ".Trip.part", root / "reels" / ".partition.part2", root / ".keep.7.part.mp4"]
    for path in (ours, *theirs):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert tidy.remove_temporary_files(MATCH, settings) == [ours]
    assert all(path.exists() for path in theirs)


def test_a_deep_tree_stops_neither_budget_nor_removal(running: Settings) -> None:
    scratch = roots(running)["scratch"]
    scratch.mkdir(parents=True)
    here = os.open(scratch, os.O_RDONLY)
    for _ in range(1100):
        os.mkdir("d", dir_fd=here)
        here, above = os.open("d", os.O_RDONLY, dir_fd=here), here
        os.close(above)
    os.close(here)
    assert used_bytes(running.scratch_dir) == 0
    close_run(MATCH, RUN, Failure(INFRASTRUCTURE, "it failed"), running)
    assert not scratch.exists()


def test_a_match_is_pinned_and_published_by_its_own_folder_only(settings: Settings, victim: Path) -> None:
    plant(roots(settings)["output"], victim)
    with pytest.raises(UntrustedFileError):
        is_pinned(MatchFolder(settings.nas_output_path, MATCH))
    assert not is_published(MATCH, settings)


@pytest.mark.parametrize("name", [
    "../../../../../victim/clip-00000001-00000002.jpg", "/etc/passwd", "", ".", "..", 7, None, "clip-1-2.png",
    "clip-00000001-00000002.jpg/../../x", "CLIP-1-2.jpg"])
def test_a_picture_has_a_name_of_ours(settings: Settings, victim: Path, name: Any) -> None:
    with pytest.raises(UntrustedFileError):
        read_thumbnail(WorkFiles(settings.working_dir, MATCH), "keeper", name)


@pytest.mark.parametrize("planted", ["link", "folder link", "pipe", "large", "text"])
def test_a_picture_is_a_plain_jpeg_of_a_usual_size(settings: Settings, victim: Path, planted: str) -> None:
    files, name = WorkFiles(settings.working_dir, MATCH), "clip-00000001-00000002.jpg"
    picture = files.thumbnails("keeper") / name
    picture.parent.parent.mkdir(parents=True)
    if planted == "folder link":
        picture.parent.symlink_to(victim)
    else:
        picture.parent.mkdir()
    if planted == "link":
        picture.symlink_to(victim / name)
    elif planted == "pipe":
        os.mkfifo(picture)
    elif planted in ("large", "text"):
        picture.write_bytes(b"\xff\xd8\xff" + bytes(MOST_BYTES) + b"\xff\xd9" if planted == "large" else b"root:x:0")
    with pytest.raises(UntrustedFileError):
        read_thumbnail(files, "keeper", name)


def test_a_backup_holds_plain_results_of_usual_size_and_hangs_on_no_pipe(settings: Settings, victim: Path,
                                                                        tmp_path: Path) -> None:
    work = roots(settings)["work"]
    plant(work / "linked.json", victim / "scan.json")
    plant(work / "reels", victim)
    os.mkfifo(work / "pipe.json")
    with (work / "huge.json").open("wb") as handle:
        handle.truncate(1 << 40)
    (work / "scan.json").write_text("{}")
    found = [f"matches/{MATCH}.request.json", f"matches/{MATCH}/scan.json"]
    assert sorted(map(str, results(settings.working_dir))) == found
    assert sorted(name for name, _ in opened_results(settings.working_dir)) == found


def test_a_list_of_published_folders_follows_no_link(settings: Settings, victim: Path) -> None:
    plant(roots(settings)["output"], victim)
    plant(settings.nas_output_path / "league-0123456789cd" / "manifest.json", victim / "manifest.json")
    os.mkfifo(settings.nas_output_path / "pipe-0123456789ef")
    assert published_folders(settings.nas_output_path) == ({}, None)


@pytest.mark.parametrize("target", ["scan.json", "nowhere"])
def test_a_result_is_neither_read_nor_written_through_a_link(settings: Settings, victim: Path, target: str) -> None:
    files = WorkFiles(settings.working_dir, MATCH)
    for path in (files.scan, files.scan.with_suffix(".stats.json"), files.reel("keeper").parent):
        plant(path, victim if path.name == "reels" else victim / target)
    with pytest.raises(DamagedResultError):
        read_result(files.scan)
    assert read_stats(files.scan) == {}
    assert not reuse_or_compute(files.scan, "scan", {}, lambda: {"answer": 42}).reused
    assert not files.scan.is_symlink() and read_result(files.scan).result == {"answer": 42}
    with pytest.raises(UntrustedFileError):
        reuse_or_compute(files.reel("keeper"), "render_reel", {}, lambda: {"answer": 42})
    assert not (victim / "nowhere").exists()


def test_a_temporary_name_that_was_guessed_is_not_written_through(settings: Settings, victim: Path) -> None:
    files = WorkFiles(settings.working_dir, MATCH)
    for pid in range(os.getpid() - 3, os.getpid() + 3):
        plant(files.scan.with_name(f".scan.{pid}.part.json"), victim / "scan.json")
        plant(files.request.with_name(f".{files.request.stem}.{pid}.part.json"), victim / "scan.json")
    write_json(files.scan, {"a": 1})
    save_request(Request(MATCH, ("/nas/other.mp4",), ("e" * 64,), ("keeper",)), settings)


@pytest.mark.parametrize("result", [
    {}, {"actions": 5}, {"actions": [1]}, {"actions": [{}]}, {"actions": {"a": 1}}, {"actions": None},
    {"actions": [{"match_ms": "x", "half": 1, "position_ms": 1, "label": "Goal", "confidence": 1, "source": "model"}]},
    {"actions": [{"match_ms": 1, "half": 1, "position_ms": 1, "label": "G" * 500, "confidence": 1, "source": "model"}]},
    {"actions": [{"match_ms": 1, "half": 1, "position_ms": 1, "label": "Goal", "confidence": [], "source": "model"}]},
    {"actions": [{"match_ms": 1, "half": 1, "position_ms": 1, "label": "Goal", "confidence": "1", "source": "model"}]},
    {"actions": [{"match_ms": 1, "half": 1, "position_ms": 1, "label": "Goal", "confidence": True, "source": "model"}]},
    {"actions": [{"match_ms": 1 << 70, "half": 1, "position_ms": 1, "label": "Goal", "confidence": 1,
                  "source": "model"}]},
])
def test_actions_of_another_form_are_a_damaged_result(settings: Settings, result: dict[str, Any]) -> None:
    files = WorkFiles(settings.working_dir, MATCH)
    reuse_or_compute(files.actions, "merge_actions", {}, lambda: result)
    with pytest.raises(DamagedResultError) as damaged:
        noted_actions(files)
    assert "\n" not in str(damaged.value) and str(files.actions) in str(damaged.value)
    assert not is_published(MATCH, settings)


@pytest.mark.parametrize("result", [{}, {"name": "other"}, {"name": "keeper", "clips": 3},
                                    {"name": "keeper", "clips": [], "frames": "x", "duration_ms": 0, "size_bytes": 0},
                                    {"name": "keeper", "clips": [], "frames": 1, "duration_ms": 0, "size_bytes": 0,
                                     "sha256": ["x"]}])
def test_a_reel_of_another_form_is_a_damaged_result(settings: Settings, result: dict[str, Any]) -> None:
    files = WorkFiles(settings.working_dir, MATCH)
    reuse_or_compute(files.reel("keeper"), "render_reel", {}, lambda: result)
    with pytest.raises(DamagedResultError, match=r"keeper\.json holds something other"):
        noted_reels(files, ["keeper"])


@pytest.mark.parametrize("content", [b"[" * 200_000, b'{"a":' * 100_000, b"9" * 5000, b"null", bytes(100)])
def test_a_result_that_breaks_a_parser_is_a_damaged_result(settings: Settings, content: bytes) -> None:
    files = WorkFiles(settings.working_dir, MATCH)
    files.scan.parent.mkdir(parents=True)
    files.scan.write_bytes(content)
    with pytest.raises(DamagedResultError, match="missing or damaged"):
        read_result(files.scan)


def test_a_result_whose_parts_are_no_tables_is_a_damaged_result(settings: Settings) -> None:
    files = WorkFiles(settings.working_dir, MATCH)
    body: dict[str, Any] = {"step": "scan", "inputs": [], "result": [1]}
    write_json(files.scan, {**body, "digest": digest_of(body)})
    with pytest.raises(DamagedResultError):
        read_result(files.scan)


def test_a_title_of_a_hostile_probe_is_one_short_line(settings: Settings) -> None:
    files = WorkFiles(settings.working_dir, MATCH)
    title = "a\n\0\u202eb" + "x" * 9999
    probe = {"recordings": [{"path": "/nas/a.mp4", "duration_ms": 5}], "sidecar": {"title": title}}
    reuse_or_compute(files.probe, "probe", {}, lambda: probe)
    told = headline(files)["title"]
    assert len(told) <= 200 and told.isprintable() and told.startswith("a \ufffdb")


def test_what_is_asked_comes_from_the_catalogue_and_not_from_a_file(running: Settings, tmp_path: Path) -> None:
    work = WorkFiles(running.working_dir, MATCH)
    hostile = {"match_id": MATCH, "recordings": ["/root"], "fingerprints": ["x"], "reels": ["keeper"]}
    (work.root).mkdir(parents=True)
    (work.root / "request.json").write_text(json.dumps(hostile))
    asked = request_of(MATCH, {"reels": ["highlights"]}, running)
    assert asked == Request(MATCH, (str(running.nas_mount_path / "cup.mp4"),), ("f" * 64,), ("highlights",))
    with pytest.raises(TouchlineError, match="not in the catalogue"):
        request_of("other-0123456789ab", {}, running)


@pytest.mark.parametrize("change", [{"match_id": "other-0123456789ab"}, {"recordings": "abc"}, {"recordings": [1]},
                                    {"fingerprints": []}, {"reels": [["x"]]}, {"reels": None}])
def test_a_request_of_another_form_is_refused_in_one_line(settings: Settings, change: dict[str, Any]) -> None:
    path = WorkFiles(settings.working_dir, MATCH).request
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DamagedResultError, match="register the recording again"):
        load_request(MATCH, settings)


def test_a_copy_that_is_a_link_is_none(settings: Settings, victim: Path) -> None:
    plant(ScratchFiles(settings.scratch_dir, MATCH).recording("f" * 64), victim / "clip.mkv")
    assert not has_copies(MATCH, settings)


def test_the_folders_of_the_settings_may_be_links(running: Settings, tmp_path: Path) -> None:
    for name in ("work", "scratch", "output"):
        (tmp_path / f"{name}-link").symlink_to(tmp_path / name)
    linked = replace(running, working_dir=tmp_path / "work-link", scratch_dir=tmp_path / "scratch-link",
                     nas_output_path=tmp_path / "output-link", catalogue_url=running.catalogue_address)
    write_failure(MatchFolder(linked.nas_output_path, MATCH), "why")
    assert MatchFolder(running.nas_output_path, MATCH).failure.read_text() == "why\n"
    assert load_request(MATCH, linked) == load_request(MATCH, running)
    close_run(MATCH, RUN, Failure(INFRASTRUCTURE, "it failed"), linked)


def test_an_archive_is_made_of_what_was_opened(settings: Settings, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name, content in opened_results(settings.working_dir):
            archive.addfile(archive.gettarinfo(arcname=name, fileobj=content), content)
    with tarfile.open(tmp_path / "x.tar") as archive:
        assert archive.getnames() == [f"matches/{MATCH}.request.json"]
