"""A recording that was crafted to have another file or an address opened: nothing is read, and it is refused."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from integration.hostile_recordings import (
    HARMLESS,
    HOLLOW,
    NAMES,
    OPENED_WHEN_UNGUARDED,
    REFUSED,
    Bait,
    Builder,
    make_films,
)

INCLUDE = Path(__file__).parents[2] / "include"
LONGEST_S = 60
_IN_OPEN = 0x20
_EVENT = struct.Struct("iIII")


@dataclass
class BaitedMount:
    """A mount, and what a recording on it may reach for: a file beside it, a secret elsewhere, a port that listens."""

    mount: Path
    bait: Bait
    callers: list[object]

    def put(self, builder: Builder, name: str = "match.mp4") -> Path:
        path = self.mount / name
        path.write_bytes(builder(self.bait))
        return path

    def touchline(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        names = {"NAS_MOUNT_PATH": "nas", "NAS_OUTPUT_PATH": "out", "WORKING_DIR": "work", "SCRATCH_DIR": "scratch"}
        folders = {setting: str(self.mount.with_name(name)) for setting, name in names.items()}
        return self.run(sys.executable, "-m", "touchline.cli", *arguments, PYTHONPATH=str(INCLUDE), **folders)

    def run(self, *argv: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **environment}
        return subprocess.run(argv, env=environment, cwd=self.mount.parent, text=True, capture_output=True,
                              timeout=LONGEST_S, check=False)

    @contextlib.contextmanager
    def watched(self) -> Iterator[set[str]]:
        """Names of all files in the two folders that were opened, by whatever process, and "connection"."""
        libc = ctypes.CDLL(None, use_errno=True)
        watch = libc.inotify_init1(os.O_NONBLOCK)
        for folder in (self.mount, self.bait.secret.parent):
            assert libc.inotify_add_watch(watch, os.fsencode(folder), _IN_OPEN) >= 0
        opened: set[str] = set()
        yield opened
        with contextlib.suppress(BlockingIOError):
            while events := os.read(watch, 1 << 16):
                opened |= set(_names(events))
        os.close(watch)
        opened |= {"connection" for _ in self.callers}


def _names(events: bytes) -> Iterator[str]:
    at = 0
    while at < len(events):
        *_, length = _EVENT.unpack_from(events, at)
        at += _EVENT.size + length
        if name := os.fsdecode(events[at - length : at].rstrip(b"\0")):  # without a name it is the folder itself
            yield name


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> dict[str, bytes]:
    return make_films(tmp_path_factory.mktemp("films"))


@pytest.fixture
def baited(tmp_path, films) -> Iterator[BaitedMount]:
    mount, secret = tmp_path / "nas", tmp_path / "elsewhere" / "secret.mp4"
    for path in (mount / "beside.mp4", secret):
        path.parent.mkdir()
        path.write_bytes(films["film"])
    with _listening() as (port, callers):
        yield BaitedMount(mount, Bait(secret, "beside.mp4", f"http://127.0.0.1:{port}", **films), callers)


@contextlib.contextmanager
def _listening() -> Iterator[tuple[int, list[object]]]:
    """A port that notes who calls, and hangs up."""
    callers: list[object] = []

    def note(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, address = server.accept()
                callers.append(address)
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=note, args=(server,))
        thread.start()
        yield server.getsockname()[1], callers
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("case", REFUSED)
def test_nothing_is_read_and_it_is_refused(baited, case):
    path = baited.put(REFUSED[case])
    match_id = baited.touchline("register", path).stdout.strip()
    with baited.watched() as opened:
        checked = baited.touchline("check-recording", path)
        probed = baited.touchline("probe", match_id)
    assert opened == {path.name}
    verdict = json.loads(checked.stdout)
    assert verdict["bad"], verdict
    for command, finished in (("check-recording", checked), ("probe", probed)):
        assert finished.returncode == 3, finished.stderr
        assert finished.stderr.startswith(f"touchline {command}: {path.name} ")
        assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize("case", HOLLOW)
def test_what_could_be_the_beginning_of_a_copy_is_waited_for_and_refused_once_registered(baited, case):
    path = baited.put(HOLLOW[case])
    match_id = baited.touchline("register", path).stdout.strip()
    with baited.watched() as opened:
        checked = baited.touchline("check-recording", path)
        probed = baited.touchline("probe", match_id)
    assert opened == {path.name}
    assert (checked.returncode, probed.returncode) == (1, 3)
    assert "is not complete: " in checked.stderr


@pytest.mark.parametrize("case", OPENED_WHEN_UNGUARDED)
def test_the_same_file_makes_an_unguarded_ffprobe_read_more(baited, case):
    path = baited.put(REFUSED[case], "match.m3u8" if "HLS" in case else "match.mp4")
    with baited.watched() as opened:
        baited.run("ffprobe", "-protocol_whitelist", "file,http,tcp", *OPENED_WHEN_UNGUARDED[case], "-i", path)
    assert opened & {"secret.mp4", "beside.mp4", "connection"}


@pytest.mark.parametrize("case", HARMLESS)
def test_words_that_nothing_reads_do_no_harm(baited, case):
    path = baited.put(HARMLESS[case])
    _is_taken(baited, path)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_only_a_name(baited, name):
    path = baited.put(lambda bait: bait.film, name)
    _is_taken(baited, path)


@pytest.mark.parametrize("kind", ["pipe", "device", "socket", "a name that is not UTF-8"])
def test_what_is_no_plain_file_is_refused_unopened(baited, kind):
    path = baited.mount / "match.mp4"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as address, contextlib.chdir(baited.mount):
            address.bind(path.name)
    else:
        path = baited.put(lambda bait: bait.film, os.fsdecode(b"\xff.mp4"))
    with baited.watched() as opened:
        checked = baited.touchline("check-recording", path)
        registered = baited.touchline("register", path)
    assert not opened
    for finished in (checked, registered):
        assert finished.returncode == 3
        assert finished.stderr.count("\n") == 1
    assert json.loads(checked.stdout)["bad"]


def _is_taken(baited: BaitedMount, path: Path) -> None:
    match_id = baited.touchline("register", path).stdout.strip()
    with baited.watched() as opened:
        checked = baited.touchline("check-recording", path)
        probed = baited.touchline("probe", match_id)
    assert opened == {path.name}
    assert (checked.returncode, probed.returncode) == (0, 0), checked.stderr + probed.stderr
    assert json.loads(checked.stdout)["duration_ms"] == 2000
