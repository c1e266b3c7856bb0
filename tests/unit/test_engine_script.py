"""The modules that start an engine and build images: what they decide, without an engine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from touchline_deploy.build import images
from touchline_deploy.build.engine import Engine, EngineError, default_folder, mounts_below

MOUNTS = """\
21 1 254:0 / / rw - ext4 /dev/vda rw
40 21 0:50 / /srv/engine rw - tmpfs tmpfs rw
41 21 0:51 / /srv/engine/data/overlay2/ab/merged rw - overlay overlay rw
42 21 0:52 / /srv/engine-two/exec/netns/default rw - nsfs nsfs rw
43 21 0:53 / /srv/engine/with\\040space rw - tmpfs tmpfs rw
"""


def run_module(name, *arguments, **environ):
    argv = [sys.executable, "-m", f"touchline_deploy.build.{name}", *arguments]
    return subprocess.run(argv, env={**os.environ, **environ}, capture_output=True, text=True, check=False)


# --- engine.py ------------------------------------------------------------------------------------------------------

def test_only_what_is_mounted_below_the_folder_is_released():
    below = mounts_below(Path("/srv/engine"), MOUNTS)
    assert below == ["/srv/engine/data/overlay2/ab/merged", "/srv/engine/with space"]


def test_an_engine_that_never_ran_is_stopped_already(tmp_path):
    engine = Engine(tmp_path / "engine")
    engine.stop()
    engine.kill()
    assert engine.pid is None
    assert not engine.answers()
    assert not engine.folder.exists()


def test_a_strangers_process_is_not_taken_for_the_engine(tmp_path):
    (tmp_path / "docker.pid").write_text(str(os.getpid()))
    assert Engine(tmp_path).pid is None


def test_a_folder_too_long_for_a_socket_is_refused_in_one_line(tmp_path):
    with pytest.raises(EngineError, match="choose a shorter folder"):
        Engine(tmp_path / ("x" * 100)).start()


def test_the_folder_follows_tmpdir(monkeypatch):
    monkeypatch.setenv("TMPDIR", "/srv/tmp")
    assert default_folder() == Path("/srv/tmp/touchline-engine")


def test_run_wants_a_command():
    done = run_module("engine", "run", "--help")
    assert done.returncode == 0
    assert "COMMAND" in done.stdout


# --- images.py ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("image", images.IMAGES, ids=lambda image: image.name)
def test_the_files_of_every_image_are_there(image):
    files = (*image.environment.locks, image.environment.unlocked)
    assert all((images.ROOT / name).is_file() for name in files if name)


def test_what_comes_with_torch_is_of_the_locked_versions_without_their_hashes():
    with images.versions_of("docker/worker/lock.txt") as constraints:
        lines = constraints.read_text().splitlines()
    locked = (images.ROOT / "docker/worker/lock.txt").read_text()
    assert len(lines) > 50 and all(f"\n{line} \\\n" in locked and "hash" not in line for line in lines)


def test_a_stand_in_takes_its_packages_from_the_mirrors_of_this_machine():
    told = ("Debian bookworm http://mirror/debian\nDebian bookworm http://mirror/debian\n"
            "Debian bookworm-security http://mirror/security\nOthers bookworm http://elsewhere\n bookworm http://new\n"
            "Debian trixie http://mirror/debian\n")
    assert images.parse_sources(told) == {"bookworm": "http://mirror/debian",
                                          "bookworm-security": "http://mirror/security"}


def test_the_tag_is_the_version_of_the_package():
    from touchline import __version__

    assert images.version() == __version__


def test_wheels_are_served_to_this_machine_only_while_they_are_needed(tmp_path):
    (tmp_path / "package.whl").write_bytes(b"wheel")
    with images.served(tmp_path) as address, images.served(tmp_path) as second:
        assert address.startswith("http://127.0.0.1:")
        assert second != address
        assert urlopen(f"{second}package.whl").read() == b"wheel"
    with pytest.raises(OSError, match="refused"):
        urlopen(address)


def test_without_an_engine_it_says_what_to_do_in_one_line(tmp_path):
    done = run_module("images", DOCKER_HOST=f"unix://{tmp_path}/docker.sock")
    assert done.returncode == 1
    assert done.stderr.startswith("images: no Docker engine answers")
    assert done.stderr.count("\n") == 1


def test_an_unknown_image_is_refused():
    assert "use worker or airflow" in run_module("images", "walker").stderr
