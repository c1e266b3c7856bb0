"""What a step's container is told: settings, names, mounts. No engine is needed to say it."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles
from touchline.errors import SettingError, StorageError, TouchlineError, UntrustedFileError, UsageError
from touchline.known_models import SHIPPED_MODELS
from touchline.mounted import VARIABLE, identity, refuse_exchanged
from touchline.results.request import Request, save_request
from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings, while_parsing
from touchline_airflow.runtime.container_spec import Place, container_name, container_spec
from touchline_airflow.runtime.mounts import match_mounts, recording_mount

PLACE = Place("process_match", "match__a__1", "spot_chunk", 2, 1, "final-0123456789ab")
MATCH = PLACE.match_id
OURS = f"{os.getuid()}:{os.getgid()}"


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    """A match with a request, a recording with notes beside it, and an output folder."""
    recording = own_settings.nas_mount_path / "cup, final $HOME.mp4"
    recording.write_bytes(b"film")
    recording.with_name("match.toml").write_text('title = "a"')
    recording.with_name("letter.txt").write_text("private")
    own_settings.nas_output_path.mkdir(parents=True, exist_ok=True)
    save_request(request_for(own_settings), own_settings)
    return own_settings


def request_for(settings: Settings) -> Request:
    return Request(MATCH, (str(settings.nas_mount_path / "cup, final $HOME.mp4"),), ("f" * 64,), ("highlights",))


def seen(step: str, settings: Settings) -> dict[str, bool]:
    """Path → may the step write to it; but for the request, which every step may read."""
    found = match_mounts(step, request_for(settings), settings, OURS)
    assert all(identity(shown.source.stat()) == shown.identity for shown in found)
    shown_paths = {str(shown.path): shown.writable for shown in found}
    assert shown_paths.pop(str(WorkFiles(settings.working_dir, MATCH).request)) is False
    return shown_paths


@pytest.mark.parametrize("step", ["plan_chunks", "merge_actions", "plan_reels"])
def test_a_step_that_plans_sees_the_results_of_its_match_only(step: str, settings: Settings) -> None:
    assert seen(step, settings) == {str(WorkFiles(settings.working_dir, MATCH).root): True}


def test_a_step_that_opens_media_sees_the_recording_and_cannot_write_to_it(settings: Settings) -> None:
    work, scratch = str(WorkFiles(settings.working_dir, MATCH).root), ScratchFiles(settings.scratch_dir, MATCH).root
    recording = str(settings.nas_mount_path / "cup, final $HOME.mp4")
    notes = str(settings.nas_mount_path / "match.toml")
    leases = str(settings.scratch_dir / "gpu-leases")
    assert seen("probe", settings) == {work: True, recording: False, notes: False}
    assert seen("scan", settings) == {work: True, recording: False}
    assert seen("render_reel", settings) == {work: True, recording: False, str(scratch): True}
    assert seen("spot_chunk", settings) == {work: True, recording: False, str(scratch): True, leases: True}


def test_a_step_sees_the_copy_of_this_host_read_only_and_needs_no_nas_then(settings: Settings) -> None:
    scratch, recording = ScratchFiles(settings.scratch_dir, MATCH), settings.nas_mount_path / "cup, final $HOME.mp4"
    copy = scratch.recording("f" * 64)
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"film")
    work = str(WorkFiles(settings.working_dir, MATCH).root)
    assert seen("scan", settings) == {work: True, str(copy): False, str(recording): False}
    recording.unlink()
    assert seen("render_reel", settings) == {work: True, str(copy): False, str(scratch.root): True}


def test_publish_sees_no_recording_and_one_match_folder(settings: Settings) -> None:
    work = str(WorkFiles(settings.working_dir, MATCH).root)
    assert seen("publish", settings) == {work: True, str(MatchFolder(settings.nas_output_path, MATCH).root): True}


def test_models_of_the_operator_are_shown_and_the_shipped_ones_are_in_the_image(settings: Settings,
                                                                                tmp_path: Path) -> None:
    own = tmp_path / "own.pt"
    own.write_bytes(b"weights")
    for setting, step in (("yolo_model_path", "spot_chunk"), ("action_model_path", "spot_chunk"),
                          ("spotter_model_path", "merge_actions")):
        changed = replace(settings, **{setting: own})
        for each in ("spot_chunk", "merge_actions", "scan"):
            more = {(str(own), False)} if each == step else set()
            assert seen(each, changed).items() - seen(each, settings).items() == more


def test_what_is_not_there_is_a_matter_of_the_mount_and_of_a_retry(settings: Settings) -> None:
    (settings.nas_mount_path / "cup, final $HOME.mp4").unlink()
    with pytest.raises(StorageError, match="is away or incomplete"):
        match_mounts("scan", request_for(settings), settings, OURS)
    with pytest.raises(StorageError, match=r"nothing\.mp4"):
        recording_mount(settings.nas_mount_path / "nothing.mp4", settings)
    settings.nas_output_path.rmdir()
    with pytest.raises(StorageError, match=str(settings.nas_output_path)):
        match_mounts("publish", request_for(settings), settings, OURS)
    assert not settings.nas_output_path.exists()


@pytest.mark.parametrize("place", ["recording", "folder on its way"])
def test_a_link_that_took_the_place_of_the_recording_is_not_mounted(settings: Settings, tmp_path: Path,
                                                                    place: str) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "film.mp4").write_bytes(b"film")
    inside = settings.nas_mount_path / "cups" / "film.mp4"
    if place == "recording":
        inside.parent.mkdir()
        inside.symlink_to(secret / "film.mp4")
    else:
        inside.parent.symlink_to(secret)
    asked = replace(request_for(settings), recordings=(str(inside),))
    for step in ("probe", "scan", "spot_chunk", "render_reel"):
        with pytest.raises(UntrustedFileError, match=r"film\.mp4 is a link"):
            match_mounts(step, asked, settings, OURS)
    with pytest.raises(UsageError, match="outside NAS_MOUNT_PATH"):
        recording_mount(inside, settings)


@pytest.mark.parametrize("name", [
    "/root", "/etc/shadow", "/var/run/docker.sock", "../output", ".", "pipe.mp4", "folder", "socket.mp4"])
def test_only_a_plain_file_inside_the_mount_is_ever_mounted_as_a_recording(settings: Settings, name: str) -> None:
    mount = settings.nas_mount_path
    os.mkfifo(mount / "pipe.mp4")
    (mount / "folder").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(mount / "socket.mp4"))
        with pytest.raises((UsageError, UntrustedFileError)) as refused:
            match_mounts("scan", replace(request_for(settings), recordings=(str(mount / name),)), settings, OURS)
    assert "\n" not in str(refused.value)


def test_a_link_that_stays_inside_the_mount_stands_for_its_file(settings: Settings) -> None:
    link, film = settings.nas_mount_path / "b.mp4", settings.nas_mount_path / "cup, final $HOME.mp4"
    link.symlink_to(film.name)
    shown = recording_mount(link, settings)
    assert (shown.path, shown.source, shown.writable) == (link, film, False)


@pytest.mark.parametrize("name", ["work", "scratch", "output", "copy"])
def test_a_link_in_the_place_of_a_folder_or_a_copy_is_not_mounted(settings: Settings, tmp_path: Path,
                                                                  name: str) -> None:
    scratch = ScratchFiles(settings.scratch_dir, MATCH)
    place = {"work": WorkFiles(settings.working_dir, MATCH).root, "scratch": scratch.root,
             "output": MatchFolder(settings.nas_output_path, MATCH).root, "copy": scratch.recording("f" * 64)}[name]
    outside = tmp_path / "outside"
    outside.mkdir()
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(outside)
    if name == "copy":
        assert str(place) not in seen("render_reel", settings), "it counts as none"
        return
    with pytest.raises(UntrustedFileError, match=f"{MATCH}.* is a link"):
        match_mounts("publish" if name == "output" else "render_reel", request_for(settings), settings, OURS)
    assert list(outside.iterdir()) == []


def test_what_a_step_wrote_changes_no_mount(settings: Settings) -> None:
    before = {step: seen(step, settings) for step in ("probe", "scan", "render_reel", "publish")}
    for name in ("request.json", "probe.json", f"{MATCH}.request.json"):
        (WorkFiles(settings.working_dir, MATCH).root / name).write_text(json.dumps(
            {"match_id": MATCH, "recordings": ["/root", "/var/run/docker.sock"], "fingerprints": ["../../..", "x"],
             "reels": ["highlights"]}))
    assert {step: seen(step, settings) for step in before} == before


def test_the_roots_themselves_may_be_links(settings: Settings, tmp_path: Path) -> None:
    for name in ("nas", "work", "scratch", "output"):
        (tmp_path / f"{name}-link").symlink_to(tmp_path / name)
    linked = replace(settings, nas_mount_path=tmp_path / "nas-link", working_dir=tmp_path / "work-link",
                     scratch_dir=tmp_path / "scratch-link", nas_output_path=tmp_path / "output-link")
    for step in ("probe", "spot_chunk", "publish"):
        for shown in match_mounts(step, request_for(settings), linked, OURS):
            assert shown.source.resolve() == shown.source
            assert identity(shown.path.stat()) == shown.identity


def test_a_container_that_sees_something_else_ends_before_it_opens_anything(settings: Settings) -> None:
    spec = container_spec(PLACE, "image", ["scan"], match_mounts("scan", request_for(settings), settings, OURS), {})
    refuse_exchanged(spec.environment)
    recording = settings.nas_mount_path / "cup, final $HOME.mp4"
    recording.rename(recording.with_name("aside"))
    recording.symlink_to("/etc/passwd")
    with pytest.raises(TouchlineError, match=r"HOME\.mp4 is not the one that was there .* the task is tried again"):
        refuse_exchanged(spec.environment)
    recording.unlink()
    with pytest.raises(TouchlineError, match="No such file"):
        refuse_exchanged(spec.environment)
    refuse_exchanged({})
    assert set(json.loads(spec.environment[VARIABLE])) == {mount["Target"] for mount in spec.limits["mounts"]}


def test_all_tries_of_a_task_have_one_name_and_nothing_else_has_it() -> None:
    def name(**changes: Any) -> str:
        return container_name("deployment", replace(PLACE, **changes))

    assert name() == name(try_number=2)
    others = {name(map_index=3), name(task_id="scan"), name(run_id="match__b__1"), name(dag_id="d"),
              container_name("other", PLACE)}
    assert len(others | {name()}) == 6
    assert len(name()) == 30


def test_the_settings_reach_the_container_and_the_operators_secrets_do_not() -> None:
    environ = {"CONTAINER_MEMORY_MIB": "1024", "CONTAINER_PIDS": "99", "CONTAINER_TMP_MIB": "64", "OUTPUT_CRF": "21",
               "CATALOGUE_URL": "postgresql://u:secret@db/x", "AIRFLOW__CORE__FERNET_KEY": "secret", "PATH": "/bin"}
    spec = container_spec(PLACE, "image", ["scan"], [], environ)
    assert (spec.limits["mem_limit"], spec.limits["memswap_limit"], spec.limits["pids_limit"]) == (1 << 30, 1 << 30, 99)
    assert all("size=64m" in options for options in spec.limits["tmpfs"].values())
    assert spec.environment["OUTPUT_CRF"] == "21" and "PATH" not in spec.environment
    assert "secret" not in str(spec)


@pytest.mark.parametrize(("chosen", "given"), [
    ({}, "detector.pt"), ({"YOLO_MODEL_PATH": "yolov8n.pt"}, "yolov8n.pt"),
    ({"YOLO_MODEL_PATH": str(SHIPPED_MODELS / "yolov8n.pt")}, "yolov8n.pt"),
    ({"YOLO_MODEL_PATH": "/models/own.pt"}, "/models/own.pt")])
def test_which_detector_is_used_is_said_to_the_container_whatever_its_image_holds(
        chosen: dict[str, str], given: str) -> None:
    assert container_spec(PLACE, "image", ["spot-chunk"], [], chosen).environment["YOLO_MODEL_PATH"] == given


@pytest.mark.parametrize(("step", "use_gpu"), [("spot_chunk", "true"), ("render_reel", "true"), ("scan", "false")])
def test_only_steps_that_can_use_a_gpu_get_one(step: str, use_gpu: str) -> None:
    assert container_spec(replace(PLACE, task_id=step), "image", [], [], {"USE_GPU": "true"}).use_gpu == use_gpu


def test_steps_are_never_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert DeploymentSettings.from_env({}).user == "10001:10001"
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 100)
    assert DeploymentSettings.from_env({}).user == "1000:100"
    assert DeploymentSettings.from_env({"CONTAINER_USER": "1234:0"}).user == "1234:0"
    for text in ("0:0", "root", "1000", "-1:0", "1000:x", "0:1000"):
        with pytest.raises(SettingError, match="write 1000:1000"):
            _ = DeploymentSettings.from_env({"CONTAINER_USER": text}).user


@pytest.mark.parametrize(("text", "seconds"), [
    ("", 300), ("60", 60), (" 10 ", 10), ("9", 300), ("soon", 300), ("-60", 300), ("1e3", 300)])
def test_a_setting_that_a_dag_file_cannot_use_counts_as_unset(text: str, seconds: int) -> None:
    assert while_parsing("tidy_every_sec", {"TIDY_EVERY_SEC": text, "CONTAINER_PIDS": "many"}) == seconds
