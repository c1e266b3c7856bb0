"""What a step's container is told: settings, names, mounts. No engine is needed to say it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles
from touchline.errors import SettingError, StorageError
from touchline.settings import Settings
from touchline.steps.request import Request, save_request
from touchline_airflow.deployment import DeploymentSettings, while_parsing
from touchline_airflow.sandbox import Place, container_name, container_spec
from touchline_airflow.step_mounts import match_mounts, read_only

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
    save_request(Request(MATCH, (str(recording),), ("f" * 64,), ("highlights",)), own_settings)
    return own_settings


def seen(step: str, settings: Settings) -> dict[str, bool]:
    """Path → may the step write to it."""
    return {mount["Target"]: not mount["ReadOnly"] for mount in match_mounts(step, MATCH, settings, OURS)}


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
    changed = replace(settings, yolo_model_path=own)
    assert seen("spot_chunk", changed).items() - seen("spot_chunk", settings).items() == {(str(own), False)}


def test_what_is_not_there_is_a_matter_of_the_mount_and_of_a_retry(settings: Settings) -> None:
    (settings.nas_mount_path / "cup, final $HOME.mp4").unlink()
    with pytest.raises(StorageError, match="is away or incomplete"):
        match_mounts("scan", MATCH, settings, OURS)
    with pytest.raises(StorageError, match=r"nothing\.mp4"):
        read_only(Path("/nowhere/nothing.mp4"))
    settings.nas_output_path.rmdir()
    with pytest.raises(StorageError, match=str(settings.nas_output_path)):
        match_mounts("publish", MATCH, settings, OURS)
    assert not settings.nas_output_path.exists()


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
