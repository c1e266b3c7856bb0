"""`.env`, folders and keys are made once and kept."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from touchline_deploy.stack import stack
from touchline_deploy.stack.stack_files import (
    EXAMPLE,
    FOLDERS,
    StackError,
    provide_env,
    provide_folders,
    provide_secrets,
    read_env,
)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    places = {name: str(tmp_path / name.lower()) for name in (*FOLDERS, "SECRETS_DIR", "NAS_MOUNT_PATH")}
    Path(places["NAS_MOUNT_PATH"]).mkdir()
    return {**read_env(EXAMPLE), **places, "NAS_OUTPUT_PATH": f"{places['NAS_MOUNT_PATH']}/output",
            "TOUCHLINE_UID": str(os.getuid() or 10001), "TOUCHLINE_GID": str(os.getgid() or 10001)}


def test_a_new_env_file_is_the_example_with_this_machines_ids(tmp_path: Path) -> None:
    made, added = provide_env(tmp_path / ".env")
    assert set(made) == set(read_env(EXAMPLE)) and added == []
    assert int(made["TOUCHLINE_UID"]) > 0
    assert made["ENV_FILE"] == str(tmp_path / ".env")


def test_a_variable_that_is_new_in_this_release_is_added_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    provide_env(path)
    kept = path.read_text().replace("API_PORT=8080", "API_PORT=9090").replace("GPU_SLOTS=", "OLD=")
    path.write_text(kept)
    env, added = provide_env(path)
    assert added == ["GPU_SLOTS"] and env["GPU_SLOTS"] == "1" and env["API_PORT"] == "9090"
    assert path.read_text().startswith(kept.rstrip())


def test_keys_are_made_once_for_their_owner_and_differ(env: dict[str, str]) -> None:
    made = provide_secrets(env)
    folder = Path(env["SECRETS_DIR"])
    contents = {name: (folder / name).read_text() for name in made}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in made} == {0o640}
    assert len(set(contents.values())) == len(made) == 13
    assert not [name for name, content in contents.items() if content != content.strip()]
    assert provide_secrets(env) == []
    assert {name: (folder / name).read_text() for name in made} == contents


def test_a_key_that_was_removed_is_made_anew_and_an_address_follows_its_password(env: dict[str, str]) -> None:
    provide_secrets(env)
    folder = Path(env["SECRETS_DIR"])
    (folder / "redis_password").unlink()
    assert provide_secrets(env) == ["redis_password", "broker_url"]
    assert (folder / "redis_password").read_text() in (folder / "broker_url").read_text()


def test_a_gpu_host_makes_no_keys_of_its_own(env: dict[str, str]) -> None:
    with pytest.raises(StackError, match="broker_url is missing: copy it from the main host"):
        provide_secrets({**env, "MAIN_HOST": "192.0.2.1"})


def test_a_missing_nas_is_one_line_that_says_what_to_do(env: dict[str, str]) -> None:
    with pytest.raises(StackError, match="NAS_MOUNT_PATH=/nowhere is not there: mount the NAS"):
        provide_folders({**env, "NAS_MOUNT_PATH": "/nowhere"})


@pytest.mark.parametrize(("name", "done"), [("NAS_MOUNT_PATH", "read"), ("NAS_OUTPUT_PATH", "written"),
                                            ("WORKING_DIR", "written"), ("MODELS_DIR", "read")])
def test_a_folder_that_the_containers_user_may_not_use_is_one_line(env: dict[str, str], name: str, done: str) -> None:
    provide_folders(env)
    Path(env[name]).chmod(0o500 if done == "written" else 0o300)
    os.chown(env[name], os.getuid(), os.getgid())  # of root, where root runs the tests
    with pytest.raises(StackError, match=f"{name}=.* cannot be {done} by user {env['TOUCHLINE_UID']}: let user"):
        provide_folders(env)


def test_models_need_not_be_writable_and_folders_above_do_not_matter(env: dict[str, str], tmp_path: Path) -> None:
    provide_folders(env)
    Path(env["MODELS_DIR"]).chmod(0o500)
    tmp_path.chmod(0o700)
    provide_folders(env)


def test_folders_of_ours_are_made(env: dict[str, str]) -> None:
    provide_folders(env)
    assert all(Path(env[name]).is_dir() for name in (*FOLDERS, "NAS_OUTPUT_PATH"))


@pytest.mark.parametrize(("change", "said"), [
    ({"API_PORT": "eighty"}, "API_PORT=eighty in .env is not a number"),
    ({"TOUCHLINE_UID": "0"}, "must be a plain user's, not 0"),
    ({"TOUCHLINE_HOST": "gpu9"}, "TOUCHLINE_HOST=gpu9 is not among TOUCHLINE_HOSTS=main"),
    ({"DOCKER_SOCKET": "/nowhere"}, "DOCKER_SOCKET=/nowhere in .env is no socket"),
])
def test_a_setting_that_cannot_work_is_one_line(env: dict[str, str], change: dict[str, str], said: str) -> None:
    with pytest.raises(stack.StackError, match=said):
        stack.check({**env, **change})


def test_other_hosts_get_the_ports_of_the_data_and_a_gpu_host_its_own_file(env: dict[str, str]) -> None:
    env["COMPOSE_PROFILES"] = "chunks"
    assert stack.files(env) == ["compose.yaml"]
    assert stack.files({**env, "TOUCHLINE_HOSTS": "main,gpu1"}) == ["compose.yaml", "compose.hosts.yaml"]
    assert stack.files({**env, "MAIN_HOST": "192.0.2.1"}) == ["compose.gpu-worker.yaml"]
