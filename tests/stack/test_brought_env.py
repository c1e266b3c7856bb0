"""An operator brings the `.env` of another pipeline: it is taken, and each thing that it does not do is one line."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from touchline.errors import SettingError
from touchline.settings import Settings
from touchline_airflow import brought_settings
from touchline_airflow.brought_settings import misspelt, remarks
from touchline_airflow.deployment import DeploymentSettings
from touchline_deploy.build.pins import image_names
from touchline_deploy.stack import stack
from touchline_deploy.stack.stack_files import EXAMPLE, ROOT, provide_env, provide_folders, read_env

BROUGHT = """
# NAS
NAS_MOUNT_PATH=/mnt/nas/soccer
NAS_OUTPUT_PATH=/mnt/nas/soccer/output
NAS_HOST=192.168.1.100

# Storage
WORKING_DIR=/mnt/ssd/soccer-working

# Services
REDIS_URL=redis://redis:6379/0
CELERY_BROKER_URL=redis://redis:6379/0
CELERY_RESULT_BACKEND=redis://redis:6379/1

# Processing
USE_GPU=true
MAX_WORKERS=2
CHUNK_DURATION_SEC=30
MAX_CHUNK_OVERLAP=5
MIN_EVENT_CONFIDENCE=0.65

# Models
YOLO_MODEL_PATH=/models/yolov8m-soccer.pt
ACTION_MODEL_PATH=/models/videomae-soccer.pt

# Output
OUTPUT_CODEC=copy
OUTPUT_CRF=18
"""
SAID = ["REDIS_URL is not used", "CELERY_BROKER_URL is not used", "CELERY_RESULT_BACKEND is not used",
        "MAX_CHUNK_OVERLAP is not used", "YOLO_MODEL_PATH=/models/yolov8m",
        "ACTION_MODEL_PATH=/models/videomae"]


@pytest.fixture
def brought(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    path.write_text(BROUGHT)
    return path


def test_all_settings_are_taken(brought: Path) -> None:
    env = read_env(brought)
    settings = Settings.from_env(env)
    assert (settings.output_codec, settings.nas_host, settings.chunk_duration_sec) == ("copy", "192.168.1.100", 30)
    DeploymentSettings.from_env(env)


def test_what_they_do_not_do_is_one_line_each(brought: Path) -> None:
    told = list(remarks(read_env(brought)))
    assert [line[:len(begin)] for line, begin in zip(told, SAID, strict=True)] == SAID
    assert not [line for line in told if "\n" in line or "192.168" in line]
    assert list(remarks(read_env(EXAMPLE))) == []


def test_make_stack_adds_what_is_missing_and_refuses_nothing(brought: Path, tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    env, added = provide_env(brought)
    assert set(env) >= set(read_env(EXAMPLE)) and "NAS_HOST" not in added
    assert brought.read_text().startswith(BROUGHT.rstrip())
    assert (env["ENV_FILE"], env["MODELS_DIR"]) == (str(brought), "/models")
    assert int(env["TOUCHLINE_UID"]) == (os.getuid() or 10001)
    monkeypatch.setattr(Path, "is_socket", lambda _: True)
    stack.check(env)
    places = {name: str(tmp_path / name.lower()) for name in (
        "NAS_MOUNT_PATH", "NAS_OUTPUT_PATH", "WORKING_DIR", "SCRATCH_DIR", "LOGS_DIR", "MODELS_DIR", "BACKUP_DIR")}
    Path(places["NAS_MOUNT_PATH"]).mkdir()
    provide_folders({**env, **places})
    assert list(misspelt(env, read_env(EXAMPLE))) == []


@pytest.mark.parametrize("name", ["compose.yaml", "compose.gpu-worker.yaml"])
def test_no_container_gets_another_broker_than_ours(name: str) -> None:
    """Celery takes CELERY_BROKER_URL for its broker, whatever Airflow says; an empty one is none."""
    services: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker" / name).read_text())["services"]
    given = {key: service["environment"] for key, service in services.items()
             if any("ENV_FILE" in str(file) for file in service.get("env_file", []))}
    assert given
    for key, environment in given.items():
        assert (environment["CELERY_BROKER_URL"], environment["CELERY_RESULT_BACKEND"]) == ("", ""), key


def test_celery_takes_an_empty_setting_of_theirs_for_none() -> None:
    code = ("import json, celery; app = celery.Celery(broker='redis://:secret@redis:6379/0'); "
            "print(json.dumps(app.conf.broker_url))")
    python = ROOT / ".venv" / "bin" / "python"
    for theirs, wanted in (("", "redis://:secret@redis:6379/0"), ("redis://redis:6379/0", "redis://redis:6379/0")):
        done = subprocess.run([python, "-c", code], env={**os.environ, "CELERY_BROKER_URL": theirs},
                              capture_output=True, text=True, check=True)
        assert json.loads(done.stdout) == wanted


def test_compose_takes_the_file(brought: Path) -> None:
    try:
        command = stack._compose_command()
    except stack.StackError as error:
        pytest.skip(str(error))
    provide_env(brought)
    argv = [*command, "--env-file", str(brought), f"--file={ROOT / 'docker' / 'compose.yaml'}", "config"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False,
                          env={"PATH": os.environ["PATH"], **image_names({})})
    assert (done.returncode, done.stderr) == (0, "")
    scheduler = yaml.safe_load(done.stdout)["services"]["scheduler"]["environment"]
    assert (scheduler["CELERY_BROKER_URL"], scheduler["NAS_HOST"]) == ("", "192.168.1.100")


@pytest.mark.parametrize(("name", "meant"), [("OUTPUT_CRFF", "OUTPUT_CRF"), ("NAS_MOUNTPATH", "NAS_MOUNT_PATH"),
                                             ("TIME_ZONE", "TIMEZONE"), ("GPU_SLOT", "GPU_SLOTS")])
def test_a_name_close_to_one_of_ours_is_one_line(name: str, meant: str) -> None:
    [line] = misspelt([name, "SOMETHING_ELSE", "AIRFLOW__CORE__PARALLELISM", "TZ", "PATH"], read_env(EXAMPLE))
    assert line == f"{name} is not a setting and is not used: is {meant} meant?"


def test_a_value_that_cannot_be_used_is_one_line_before_anything_starts(brought: Path) -> None:
    brought.write_text(BROUGHT.replace("OUTPUT_CRF=18", "OUTPUT_CRF=good"))
    env, _ = provide_env(brought)
    with pytest.raises(SettingError):
        Settings.from_env(env)
    with pytest.raises(stack.StackError, match=r"OUTPUT_CRF='good' is not a number: use 0 to 51 \(in .env\)"):
        stack.check(env)


def test_a_model_that_touchline_knows_by_name_needs_no_folder_and_has_to_be_fetched(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brought_settings, "SHIPPED_MODELS", tmp_path)
    named = {"YOLO_MODEL_PATH": "yolov8n.pt", "MODELS_DIR": "/var/lib/touchline/models"}
    [line] = remarks(named)
    assert "`touchline models fetch yolov8n.pt` gets it" in line
    (tmp_path / "yolov8n.pt").touch()
    assert list(remarks(named)) == []
    (tmp_path / ".env").write_text("YOLO_MODEL_PATH=yolov8n.pt\nSPOTTER_MODEL_PATH=/models/spotter\n")
    assert provide_env(tmp_path / ".env")[0]["MODELS_DIR"] == "/models"


def test_a_model_outside_of_the_mounted_folder_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "own.pt").touch()
    [line] = remarks({"YOLO_MODEL_PATH": f"{tmp_path}/own.pt", "MODELS_DIR": "/var/lib/touchline/models"})
    assert "lies outside MODELS_DIR=/var/lib/touchline/models, where no container sees it" in line
