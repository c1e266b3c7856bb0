"""Nothing below an opened folder is reached through a link, whatever somebody has put there; both ways of opening."""

from __future__ import annotations

import errno
import multiprocessing
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from touchline.beneath import opening
from touchline.beneath.folder import DEEPEST, Folder, is_temporary, open_folder, temporary_name
from touchline.errors import StorageError, UntrustedFileError
from touchline.storage import reading, writing

VICTIM = "what belongs to somebody else"


@pytest.fixture(autouse=True, params=["openat2", "step by step"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How a name is opened: as on this kernel, and as on an old one."""
    if request.param == "step by step":
        monkeypatch.setattr(opening, "has_openat2", lambda: False)
    elif not opening.has_openat2():
        pytest.skip("this kernel has no openat2")


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A folder with a file outside of ours; both are as they were when the test ends."""
    outside = tmp_path / "outside"
    (outside / "inner").mkdir(parents=True)
    file = outside / "victim"
    file.write_text(VICTIM)
    before = file.lstat()
    yield outside
    now = file.lstat()
    assert file.read_text() == VICTIM and sorted(os.listdir(outside)) == ["inner", "victim"]
    assert (now.st_uid, now.st_gid, now.st_mode, now.st_mtime_ns) == (
        before.st_uid, before.st_gid, before.st_mode, before.st_mtime_ns)
    assert os.listdir(outside / "inner") == []


@pytest.fixture
def ours(tmp_path: Path, victim: Path) -> Iterator[Folder]:
    """Our folder, in which a stranger has put links of every kind to the victim's."""
    root = tmp_path / "ours"
    (root / "plain").mkdir(parents=True)
    (root / "plain" / "file").write_text("ours")
    (root / "to-file").symlink_to(victim / "victim")
    (root / "to-folder").symlink_to(victim)
    (root / "up").symlink_to("..")
    (root / "round").symlink_to("round")
    (root / "plain" / "inside").symlink_to("file")
    (root / "self").symlink_to(f"/proc/{os.getpid()}/cwd")
    os.mkfifo(root / "pipe")
    with open_folder(root) as folder:
        yield folder


LINKED = ("to-file", "to-folder/victim", "to-folder/inner/new", "up/outside/victim", "round", "plain/inside", "self/x",
          "../outside/victim", "plain/../../outside/victim", "/etc/passwd", "a\0b")
ACTS: dict[str, Callable[[Folder, str], object]] = {
    "read": lambda folder, name: folder.read(name, 100),
    "json": lambda folder, name: folder.read_json(name, 100),
    "open": lambda folder, name: folder.open(name).__enter__(),
    "folder": lambda folder, name: folder.folder(name).__enter__(),
    "make": lambda folder, name: folder.folder(name, make=True).__enter__(),
    "lock": lambda folder, name: folder.alone(name).__enter__(),
}
ON_THE_WAY: dict[str, Callable[[Folder, str], object]] = {
    "write": lambda folder, name: folder.replacing(name).__enter__(),
    "create": lambda folder, name: folder.create(name).__enter__(),
    "unlink": lambda folder, name: folder.unlink(name),
    "rmdir": lambda folder, name: folder.rmdir(name),
    "tree": lambda folder, name: folder.remove_tree(name),
    "rename": lambda folder, name: folder.rename("plain/file", name),
    "link": lambda folder, name: folder.link("plain/file", name),
    "from": lambda folder, name: folder.link(name, "plain/new"),
    "status": lambda folder, name: folder.status(name),
}


@pytest.mark.parametrize("name", LINKED)
@pytest.mark.parametrize("act", ACTS)
def test_a_link_is_never_followed(ours: Folder, act: str, name: str) -> None:
    with pytest.raises(UntrustedFileError) as refused:
        ACTS[act](ours, name)
    assert "\n" not in str(refused.value) and str(ours.path) in str(refused.value)


@pytest.mark.parametrize("name", ["to-folder/victim", "to-folder/inner", "up/outside/victim", "round/x", "../outside",
                                  "/etc/passwd", "plain/../../outside/victim"])
@pytest.mark.parametrize("act", ON_THE_WAY)
def test_nothing_is_changed_behind_a_link(ours: Folder, act: str, name: str) -> None:
    with pytest.raises(UntrustedFileError):
        ON_THE_WAY[act](ours, name)


def test_a_link_in_the_place_of_a_file_is_replaced_or_removed_itself(ours: Folder, victim: Path) -> None:
    with ours.replacing("to-file") as file:
        file.write(b"new")
    assert (ours.read("to-file", 10), (victim / "victim").read_text()) == (b"new", VICTIM)
    ours.unlink("round")
    ours.remove_tree("to-folder")
    assert ours.status("round") is ours.status("to-folder") is None
    assert stat.S_ISLNK(getattr(ours.status("up"), "st_mode", 0))


def test_a_pipe_holds_nobody_up_and_only_plain_files_are_read(ours: Folder) -> None:
    place = str(ours.path / "socket")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(place)
        for name in ("pipe", "socket", "plain"):
            with pytest.raises(UntrustedFileError, match=f"{name} is"):
                ours.read(name, 10)
    assert ours.is_file("plain/file") and not ours.is_file("pipe") and not ours.is_file("to-file")


def test_a_file_is_read_up_to_its_limit(ours: Folder) -> None:
    assert ours.read("plain/file", 4) == b"ours"
    with pytest.raises(UntrustedFileError, match="larger than 3 bytes"):
        ours.read("plain/file", 3)


@pytest.mark.parametrize("content", [b"", b"[]", b"1", b'"x"', b"\xff", b"{", b"[" * 100_000, b"9" * 10_000, b'{"a":'])
def test_what_is_no_json_object_is_refused_in_one_line(ours: Folder, content: bytes) -> None:
    (ours.path / "x.json").write_bytes(content)
    with pytest.raises(UntrustedFileError, match="holds no JSON object"):
        ours.read_json("x.json", 1 << 20)


def test_the_folder_of_a_setting_may_be_a_link(tmp_path: Path, ours: Folder) -> None:
    (tmp_path / "setting").symlink_to(ours.path)
    with open_folder(tmp_path / "setting", "plain") as folder:
        assert folder.read("file", 10) == b"ours"


def test_folders_are_made_below_it_but_never_it_itself(tmp_path: Path, ours: Folder) -> None:
    with open_folder(ours.path, "a/b/c", make=True) as folder, folder.replacing("d") as file:
        file.write(b"x")
    assert (ours.path / "a/b/c/d").read_bytes() == b"x"
    with pytest.raises(FileNotFoundError), open_folder(tmp_path / "away", "a", make=True):
        pass


def test_what_the_storage_does_is_still_told_as_such(ours: Folder) -> None:
    with pytest.raises(StorageError, match=f"{ours.path}/plain/none is away"), reading(
            ours.path / "plain/none"), ours.open("plain/none"):
        pass
    with pytest.raises(StorageError, match=f"{ours.path}/none is away"), writing(ours.path), ours.replacing("none/x"):
        pass
    with pytest.raises(StorageError, match=f"{ours.path}/x is full"), writing(ours.path), ours.replacing("x"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(NotADirectoryError, match="plain/file/x"), ours.open("plain/file/x"):
        pass


def test_a_file_under_way_has_a_name_that_nobody_can_tell_and_is_gone_when_it_fails(ours: Folder) -> None:
    with ours.replacing("plain/new.json") as file:
        file.write(b"half")
        [under_way] = [name for name in os.listdir(ours.path / "plain") if name.startswith(".")]
        assert is_temporary(under_way) and is_temporary(under_way, of="new.json")
        assert not is_temporary(under_way, of="new") and not (ours.path / "plain/new.json").exists()
    assert ours.read("plain/new.json", 10) == b"half"
    with pytest.raises(RuntimeError), ours.replacing("plain/new.json"):
        raise RuntimeError
    assert sorted(os.listdir(ours.path / "plain")) == ["file", "inside", "new.json"]
    assert temporary_name("a/b") != temporary_name("a/b") and temporary_name("a/b").startswith("a/.b.")


@pytest.mark.parametrize("name", [".x.part", ".x.part.json", ".x.12.part", ".Part", "x.0123456789abcdef.part",
                                  ".x.0123456789ABCDEF.part", ".x.0123456789abcdef.part.json", ".partition.0.part1"])
def test_names_of_people_are_no_temporary_names(name: str) -> None:
    assert not is_temporary(name)


def test_a_walk_names_everything_and_follows_nothing(ours: Folder) -> None:
    (ours.path / "a/b").mkdir(parents=True)
    assert [str(name) for name, _ in ours.walk()] == [
        "a", "pipe", "plain", "round", "self", "to-file", "to-folder", "up", "plain/file", "plain/inside", "a/b"]


def test_a_tree_without_end_stops_nobody(ours: Folder) -> None:
    descriptor = os.open(ours.path, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("deep", dir_fd=descriptor)
        here, descriptor = descriptor, os.open("deep", os.O_RDONLY, dir_fd=descriptor)
        os.close(here)
    os.symlink("/", "root", dir_fd=descriptor)
    os.close(descriptor)
    assert max(len(name.parts) for name, _ in ours.walk()) == DEEPEST + 1
    ours.remove_tree("deep")
    assert ours.status("deep") is None


def test_what_cannot_be_removed_is_told_and_all_else_goes(ours: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    unlink = os.unlink

    def refuse(name: str, *, dir_fd: int) -> None:
        if name == "file":
            raise PermissionError(errno.EACCES, "Permission denied")
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(OSError, match="plain"):
        ours.remove_tree("plain")
    assert os.listdir(ours.path / "plain") == ["file"]
    ours.remove_tree("gone already")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_what_is_given_away_is_ours_and_has_one_name(ours: Folder, victim: Path) -> None:
    os.link(victim / "victim", ours.path / "hard")
    ours.give(12345, 54321)
    owned = {str(name) for name, status in ours.walk() if (status.st_uid, status.st_gid) == (12345, 54321)}
    assert owned == {"plain", "plain/file"}
    assert os.fstat(ours.descriptor).st_uid == 12345
    (ours.path / "hard").unlink()


def _try_lock(path: Path, answers: multiprocessing.Queue) -> None:
    with open_folder(path) as folder:
        try:
            with folder.alone("plain/lock"):
                answers.put("held")
        except BlockingIOError:
            answers.put("refused")


def test_one_process_at_a_time_is_alone(ours: Folder) -> None:
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue = context.Queue()

    def ask() -> str:
        other = context.Process(target=_try_lock, args=(ours.path, answers))
        other.start()
        other.join()
        return str(answers.get())

    with ours.alone("plain/lock"):
        assert ask() == "refused"
    assert ask() == "held"


def test_a_folder_that_is_exchanged_for_a_link_again_and_again_never_leads_out(ours: Folder, victim: Path) -> None:
    end, seen = threading.Event(), set()

    def exchange() -> None:
        while not end.is_set():
            (ours.path / "plain").rename(ours.path / "aside")
            (ours.path / "plain").symlink_to(victim)
            (ours.path / "plain").unlink()
            (ours.path / "aside").rename(ours.path / "plain")

    attacker = threading.Thread(target=exchange)
    attacker.start()
    try:
        deadline, tries = time.monotonic() + 60, 0
        while (tries < 500 or not seen) and time.monotonic() < deadline:
            tries += 1
            try:
                seen.add(ours.read("plain/file", 100))
                with ours.replacing("plain/victim") as file:
                    file.write(b"overwritten")
            except (OSError, UntrustedFileError):
                continue
    finally:
        end.set()
        attacker.join()
    assert seen == {b"ours"}
