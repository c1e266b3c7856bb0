"""What is in the images, and do they work in a container that may do next to nothing?"""

from __future__ import annotations

import json

import pytest

from touchline import __version__

LABELS = ("title", "description", "licenses", "version", "revision")
OF_THE_BUILD_MACHINE = ("proxy", "cert_", "_cert", "pip_", "index_url", "127.0.0.1", "token", "password")


@pytest.fixture(params=["worker", "airflow"])
def image(request):
    return request.getfixturevalue(f"{request.param}_image")


def test_it_does_not_run_as_root(engine, image):
    uid, _, gid = engine.inspect_image(image)["Config"]["User"].partition(":")
    assert int(uid) > 0
    assert gid


def test_an_init_is_its_first_process(engine, image):
    assert engine.inspect_image(image)["Config"]["Entrypoint"][0] == "tini"


def test_its_labels_say_what_it_is(engine, image):
    labels = engine.inspect_image(image)["Config"]["Labels"]
    assert all(labels.get(f"org.opencontainers.image.{name}") for name in LABELS)
    assert labels["org.opencontainers.image.version"] == __version__
    assert labels["org.opencontainers.image.licenses"] == "AGPL-3.0-or-later"


def test_nothing_of_the_build_machine_is_in_its_history_or_settings(engine, image):
    config = engine.inspect_image(image)["Config"]
    steps = [step["CreatedBy"] for step in engine.history(image)]
    told = [*config["Env"], json.dumps(config["Labels"]), *steps]
    assert [line for line in told if any(word in line.lower() for word in OF_THE_BUILD_MACHINE)] == []


def test_no_pip_compiler_package_list_or_setting_of_the_build_is_left_in_it(run_in, image):
    script = """
        for command in pip pip3 gcc cc git curl wget; do command -v $command; done
        ls -d /root/.cache /root/.config /etc/pip.conf /etc/xdg/pip /build /project 2>/dev/null
        find /var/lib/apt/lists /var/cache/apt /usr/local/share/ca-certificates -type f ! -name lock 2>/dev/null
        find /opt/touchline/venv/lib -maxdepth 3 -name 'pip' 2>/dev/null
        true"""
    assert run_in(image, ["-c", script], entrypoint="sh", user="0:0") == (0, "")


def test_every_file_of_the_project_can_be_read_but_not_written(run_in, image):
    script = "find /opt/touchline \\( -not -readable -o -writable -not -type l \\) | head -5"
    assert run_in(image, ["-c", script], entrypoint="sh") == (0, "")


def test_the_modules_are_compiled(run_in, image):
    """A container cannot write bytecode, so every start would compile again."""
    script = """if True:
        import importlib.util, pathlib, sys
        for name in ("touchline", "sqlalchemy", "alembic"):
            folder = pathlib.Path(importlib.util.find_spec(name).origin).parent
            for source in folder.glob("*.py"):
                compiled = pathlib.Path(importlib.util.cache_from_source(str(source)))
                stamp = int.from_bytes(compiled.read_bytes()[8:12], "little")
                assert stamp == int(source.stat().st_mtime) & 0xFFFFFFFF, source"""
    assert run_in(image, ["-c", script], entrypoint="python") == (0, "")


# --- The worker -----------------------------------------------------------------------------------------------------

def test_the_worker_says_its_version_as_any_user(run_in, worker_image):
    assert run_in(worker_image, ["--version"]) == (0, f"touchline {__version__}\n")


def test_the_worker_imports_its_models_libraries(run_in, worker_image):
    script = "import torch, ultralytics, transformers, cv2, openvino, onnxruntime"
    exit_code, output = run_in(worker_image, ["-c", script], entrypoint="python")
    assert exit_code == 0, output


def test_the_worker_runs_debians_ffmpeg(run_in, worker_image):
    exit_code, output = run_in(worker_image, ["-version"], entrypoint="ffmpeg")
    assert exit_code == 0
    assert output.startswith("ffmpeg version 5.1.")
    assert "+deb12u" in output.splitlines()[0]


def test_the_worker_holds_the_shipped_models(run_in, worker_image):
    script = """if True:
        from touchline.settings import Settings
        settings = Settings.from_env()
        assert settings.yolo_model_path.stat().st_size > 1_000_000
        assert (settings.spotter_model_path / "model.safetensors").stat().st_size > 500_000"""
    assert run_in(worker_image, ["-c", script], entrypoint="python") == (0, "")


def test_the_worker_names_its_detectors_and_those_that_were_fetched_are_whole(run_in, worker_image):
    exit_code, output = run_in(worker_image, ["models"])
    assert exit_code == 0, output
    assert "detector.pt: shipped" in output and "damaged" not in output


def test_the_worker_knows_nothing_of_airflow(run_in, worker_image):
    script = "import importlib.util as util; print(util.find_spec('touchline_airflow'), util.find_spec('airflow'))"
    assert run_in(worker_image, ["-c", script], entrypoint="python") == (0, "None None\n")


def test_the_worker_reaches_no_network(run_in, worker_image):
    script = "print(sorted(name for _, name in __import__('socket').if_nameindex()))"
    assert run_in(worker_image, ["-c", script], entrypoint="python") == (0, "['lo']\n")


# --- Airflow --------------------------------------------------------------------------------------------------------

def test_airflow_says_its_version_as_any_user_of_group_0(run_in, airflow_image):
    exit_code, output = run_in(airflow_image, ["version"], user="12345:0", writable=("/tmp", "/opt/airflow"))
    assert exit_code == 0, output
    assert output.splitlines()[-1] == "3.3.2"


def test_any_user_of_group_0_may_write_to_airflows_home(run_in, airflow_image):
    script = "stat --format '%g %A' /opt/airflow"
    assert run_in(airflow_image, ["-c", script], entrypoint="sh") == (0, "0 drwxrwxr-x\n")


def test_the_dags_are_in_the_airflow_image_and_are_parsed_without_errors(run_in, airflow_image):
    script = """if True:
        from airflow.dag_processing.dagbag import DagBag
        bag = DagBag("/opt/touchline/dags")
        assert not bag.import_errors, bag.import_errors
        assert {"ingest_recordings", "process_match"} <= set(bag.dags)"""
    exit_code, output = run_in(airflow_image, ["-c", script], entrypoint="python", user="12345:0",
                               writable=("/tmp", "/opt/airflow"))
    assert exit_code == 0, output


def test_the_pools_of_the_project_can_be_made_from_the_airflow_image(run_in, airflow_image):
    exit_code, output = run_in(airflow_image, ["-m", "touchline_airflow.airflow_settings", "--help"],
                               entrypoint="python", user="12345:0", writable=("/tmp", "/opt/airflow"))
    assert exit_code == 0, output
