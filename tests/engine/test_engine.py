"""touchline_deploy.build.engine starts a real engine, survives its being killed, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import docker
import pytest

from touchline_deploy.build.engine import Engine
from touchline_deploy.build.images import base_image

BASE = base_image()
ENGINE = [sys.executable, "-m", "touchline_deploy.build.engine"]


@pytest.fixture(scope="module")
def folder():
    """A short one: the path of a socket has 107 bytes at most."""
    path = Path(tempfile.mkdtemp(prefix="tl-", dir="/tmp"))
    yield path
    Engine(path).stop()
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def folder_with_base_image(engine, folder):
    """The folder of an engine of our own, with the base image in it."""
    if os.geteuid() != 0 or not shutil.which("dockerd", path=f"{os.environ['PATH']}:/usr/sbin"):
        pytest.skip("starting an engine needs root and dockerd")
    with client_of(Engine(folder).start()) as client:
        client.load_image(engine.get_image(BASE))
    return folder


@pytest.fixture
def own_engine(folder_with_base_image):
    """It runs when a test begins, whatever the last one did to it."""
    return Engine(folder_with_base_image).start()


def test_a_second_start_takes_the_engine_that_runs(own_engine):
    pid = own_engine.pid
    assert Engine(own_engine.folder).start().pid == pid


def test_after_a_stop_no_process_mount_or_control_group_is_left(own_engine):
    sleeper = start_sleeper(own_engine)
    own_engine.stop()
    assert own_engine.pid is None
    assert what_is_left(own_engine, sleeper) == []


def test_a_killed_engine_is_stopped_with_its_containers(own_engine):
    sleeper = start_sleeper(own_engine)
    own_engine.kill()
    assert not own_engine.answers()
    assert what_is_left(own_engine, sleeper) != [], "a container outlives its engine: else this test shows nothing"
    own_engine.stop()
    assert what_is_left(own_engine, sleeper) == []


def test_a_killed_engine_starts_again_with_its_images_and_ends_its_old_containers(own_engine):
    sleeper = start_sleeper(own_engine)
    own_engine.kill()
    own_engine.start()
    with client_of(own_engine) as client:
        assert not client.inspect_container(sleeper)["State"]["Running"]
        assert client.inspect_image(BASE)


def test_run_gives_the_address_and_the_exit_code_and_stops_what_it_started(own_engine):
    own_engine.stop()
    folder = own_engine.folder
    done = subprocess.run([*ENGINE, "--folder", folder, "run", "--", "sh", "-c",
                           'echo "$DOCKER_HOST"; docker version >/dev/null && exit 7'],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (7, f"unix://{folder}/docker.sock\n"), done.stderr
    assert not Engine(folder).answers()


def test_run_leaves_an_engine_alone_that_ran_before(own_engine):
    subprocess.run([*ENGINE, "--folder", own_engine.folder, "run", "--", "true"],
                   check=True)
    assert own_engine.answers()


def client_of(engine):
    return docker.APIClient(base_url=engine.address, version="auto")


def start_sleeper(engine):
    with client_of(engine) as client:
        limits = client.create_host_config(network_mode="none", init=True)
        container = client.create_container(BASE, ["sleep", "600"], host_config=limits)["Id"]
        client.start(container)
    return container


def what_is_left(engine, container):
    """Living processes, mounts and control groups of an engine and of one container."""
    left = [line for line in Path("/proc/mounts").read_text().splitlines() if f"{engine.folder}/" in line]
    left += [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{container}")]
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes().decode()
            if command and (f"{engine.folder}/" in command or container in (process / "cgroup").read_text()):
                left.append(command)
        except OSError:
            continue
    return left
