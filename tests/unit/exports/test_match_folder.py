import errno
import hashlib
import json
import os
import shutil
from dataclasses import replace

import pytest

from touchline.domain.layout import MatchFolder, WorkFiles
from touchline.errors import STORAGE, TouchlineError, UntrustedFileError
from touchline.exports import match_folder
from touchline.exports.match_folder import NewFile, commit_files, is_published, manifest_bytes

MATCH = "cup-final-0123456789ab"
KNOWN = ("match.json", "reels/highlights.mp4", "reels/keeper.mp4")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # slow, and nothing here pulls the plug
    (tmp_path / "output").mkdir()
    return MatchFolder(tmp_path / "output", MATCH)


def _old():
    return [
        NewFile.of("match.json", b"old"),
        NewFile.of("reels/highlights.mp4", b"old reel"),
        NewFile.of("reels/keeper.mp4", b"keeper"),
    ]


def _new():
    return [NewFile.of("match.json", b"new"), NewFile.of("reels/highlights.mp4", b"new reel")]


def _tree(folder):
    """Every file of the match folder with its content and modification time."""
    return {
        str(path.relative_to(folder.root)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.root.rglob("*"))
        if path.is_file()
    }


def _assert_whole(folder, files):
    assert folder.manifest.read_bytes() == manifest_bytes(MATCH, files)
    shown = {
        name: content
        for name, (content, _) in _tree(folder).items()
        if not name.startswith(".versions") and name != "manifest.json"
    }
    assert shown == {file.name: file.content for file in files}
    assert sorted(path.name for path in folder.versions.iterdir()) == sorted(file.version for file in files)
    assert is_published(folder, hashlib.sha256(folder.manifest.read_bytes()).hexdigest())


def test_files_stand_under_their_names_and_the_manifest_has_their_digests(folder):
    commit_files(folder, _old())
    _assert_whole(folder, _old())
    entry = json.loads(folder.manifest.read_text())["files"]["reels/keeper.mp4"]
    assert entry["sha256"] == hashlib.sha256(b"keeper").hexdigest()
    assert entry["size_bytes"] == 6


def test_publishing_equal_files_again_changes_nothing(folder):
    first = commit_files(folder, _old(), KNOWN)
    before = _tree(folder)
    assert commit_files(folder, _old(), KNOWN) == first
    assert _tree(folder) == before


def test_new_files_replace_old_ones_and_what_is_no_longer_published_goes(folder):
    commit_files(folder, _old())
    commit_files(folder, _new(), KNOWN)
    _assert_whole(folder, _new())


def test_files_of_people_stay(folder):
    commit_files(folder, _old())
    (folder.root / "notes.txt").write_text("mine")
    commit_files(folder, _new(), KNOWN)
    assert (folder.root / "notes.txt").read_text() == "mine"


def test_an_earlier_failure_is_taken_back(folder):
    folder.root.mkdir()
    folder.failure.write_text("the recording is truncated")
    commit_files(folder, _old())
    assert not folder.failure.exists()


def test_damaged_files_are_written_anew(folder):
    commit_files(folder, _old())
    (folder.root / "match.json").write_bytes(b"OLD")  # a hard link: the version is damaged with it
    (folder.root / "reels" / "keeper.mp4").unlink()
    folder.manifest.write_text("{")
    commit_files(folder, _old())
    _assert_whole(folder, _old())


def test_a_file_system_without_hard_links_gets_copies(folder, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    commit_files(folder, _old())
    commit_files(folder, _new(), KNOWN)
    _assert_whole(folder, _new())


def test_a_name_that_a_reader_holds_open_is_no_error_and_follows_later(folder, monkeypatch):
    commit_files(folder, _old())
    replace = os.replace

    def held(source, target, **folders):
        if target == "highlights.mp4":
            raise PermissionError(errno.EACCES, "Permission denied")
        return replace(source, target, **folders)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", held)
        commit = commit_files(folder, _new(), KNOWN)
    assert commit.held_open == ("reels/highlights.mp4",)
    assert (folder.root / "reels/highlights.mp4").read_bytes() == b"old reel"
    assert folder.manifest.read_bytes() == manifest_bytes(MATCH, _new())
    assert not is_published(folder, commit.manifest_sha256)
    assert commit_files(folder, _new(), KNOWN).held_open == ()
    _assert_whole(folder, _new())


def test_an_old_version_that_cannot_be_removed_is_no_error(folder, monkeypatch):
    commit_files(folder, _old())
    unlink = os.unlink

    def refuse(name, **folders):
        if match_folder.VERSION_NAME.fullmatch(name):
            raise PermissionError(errno.EACCES, "Permission denied")
        unlink(name, **folders)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", refuse)
        commit_files(folder, _new(), KNOWN)
    commit_files(folder, _new(), KNOWN)
    _assert_whole(folder, _new())


def test_a_missing_output_folder_is_not_made_because_the_mount_may_be_gone(tmp_path):
    with pytest.raises(TouchlineError, match="mount or create it") as caught:
        commit_files(MatchFolder(tmp_path / "gone", MATCH), _old())
    assert caught.value.failure.cause == STORAGE
    assert not (tmp_path / "gone").exists()


def test_an_output_folder_that_cannot_be_written_is_one_clear_line(folder, monkeypatch):
    def refuse(name, **options):
        raise OSError(errno.EROFS, "Read-only file system", name)

    monkeypatch.setattr(os, "mkdir", refuse)
    with pytest.raises(TouchlineError, match=r"is read-only \(Read-only file system, [0-9]+ MB free\); mount it"):
        commit_files(folder, _old())


def test_too_little_space_is_told_before_anything_is_written(folder, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 1 << 10))
    with pytest.raises(TouchlineError, match=r"too little space: 0 MB free, 2 MB needed; free some space"):
        commit_files(folder, _old())
    assert _tree(folder) == {}


def test_only_names_of_ours_are_removed_whatever_a_manifest_names(folder, tmp_path):
    victims = [tmp_path / "output" / "victim.txt", folder.root / "notes.json", folder.versions / "my film.mp4",
               folder.root / "reels" / "mine.mp4", folder.root / ".holiday.part", folder.versions / ".x.part"]
    for victim in victims:
        victim.parent.mkdir(parents=True, exist_ok=True)
        victim.write_text("keep")
    names = ["../victim.txt", str(victims[0]), "a/../../victim.txt", "notes.json", ".versions/my film.mp4",
             "reels/mine.mp4"]
    folder.manifest.write_text(json.dumps({"match_id": MATCH, "files": {key: {} for key in names}}))
    commit_files(folder, _old(), KNOWN)
    assert [victim.read_text() for victim in victims] == ["keep"] * 6


@pytest.mark.parametrize("name", ["", ".versions", "reels"])
def test_a_folder_that_is_a_link_is_refused_in_one_line_and_nothing_behind_it_is_touched(folder, tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    for inner in ("match.json", "manifest.json", "FAILED.txt", "keeper.mp4", "match.0123456789ab.json"):
        (outside / inner).write_text("another's")
    link = folder.root / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(outside)
    before = {path.name: path.stat() for path in outside.iterdir()}
    with pytest.raises(UntrustedFileError, match=f"{MATCH}.* is a link.*touchline does not touch it"):
        commit_files(folder, _old(), KNOWN)
    assert not is_published(folder, "0" * 64)
    assert {path.name: path.stat() for path in outside.iterdir()} == before


@pytest.mark.parametrize("name", [
    "manifest.json", "match.json", "reels/keeper.mp4", "FAILED.txt", ".versions/{version}"])
def test_a_link_in_the_place_of_a_file_goes_and_what_it_leads_to_stays(folder, tmp_path, name):
    victim = tmp_path / "victim"
    victim.write_bytes(b"keeper")  # what publishing would write: nothing but the link tells it from ours
    version = NewFile.of("reels/keeper.mp4", b"keeper").version
    link = folder.root / name.format(version=version)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(victim)
    commit_files(folder, _old(), KNOWN)
    _assert_whole(folder, _old())
    assert not [path for path in folder.root.rglob("*") if path.is_symlink()]
    assert victim.read_bytes() == b"keeper" and victim.stat().st_nlink == 1


def test_a_pipe_in_the_folder_holds_nobody_up(folder):
    folder.root.mkdir()
    for path in (folder.manifest, folder.failure):
        os.mkfifo(path)
    assert not is_published(folder, "0" * 64)
    commit_files(folder, _old(), KNOWN)
    _assert_whole(folder, _old())


def test_a_source_that_is_a_link_is_not_published(folder, tmp_path):
    video = WorkFiles(tmp_path / "work", MATCH).reel_video("highlights")
    video.parent.mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"secret")
    video.symlink_to(tmp_path / "secret")
    with pytest.raises(UntrustedFileError, match="is a link"):
        commit_files(folder, [replace(NewFile.of("reels/highlights.mp4", b"secret"), content=video)])


_STEPS = ("replace", "link", "unlink", "fsync", "mkdir")


def _killed_at(step, folder, files):
    """Publish in a child that is killed before its n-th change of the disk; True if it was, False if it got through."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 137
    left = step

    def dying(call):
        def one_more(*arguments, **options):
            nonlocal left
            left -= 1
            return os._exit(137) if left < 0 else call(*arguments, **options)

        return one_more

    for name in _STEPS:
        setattr(os, name, dying(getattr(os, name)))
    commit_files(folder, files, KNOWN)
    os._exit(0)


@pytest.mark.parametrize("links", [True, False])
def test_a_kill_at_any_step_leaves_the_old_or_the_new_state_and_a_rerun_completes(folder, monkeypatch, links):
    if not links:

        def refuse(*arguments, **options):
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")

        monkeypatch.setattr(os, "link", refuse)
    step, killed, seen = 0, True, set()
    while killed:
        shutil.rmtree(folder.root, ignore_errors=True)
        commit_files(folder, _old(), KNOWN)
        killed = _killed_at(step, folder, _new())
        manifest = folder.manifest.read_bytes()
        assert manifest in (manifest_bytes(MATCH, _old()), manifest_bytes(MATCH, _new()))
        for entry in json.loads(manifest)["files"].values():
            content = (folder.root / entry["version"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        seen.add(manifest)
        commit_files(folder, _new(), KNOWN)
        _assert_whole(folder, _new())
        assert not list(folder.root.rglob("*.part"))
        step += 1
    assert len(seen) == 2
    assert step > 15


def test_a_kill_during_the_first_publishing_leaves_no_manifest_or_the_whole(folder):
    step = 0
    while _killed_at(step, folder, _old()):
        assert not folder.manifest.exists() or folder.manifest.read_bytes() == manifest_bytes(MATCH, _old())
        commit_files(folder, _old(), KNOWN)
        _assert_whole(folder, _old())
        shutil.rmtree(folder.root)
        step += 1
    assert step > 10


def test_a_source_that_changes_while_it_is_copied_is_not_published(folder, tmp_path):
    video = tmp_path / "reel.mp4"
    video.write_bytes(b"first")
    file = replace(NewFile.of("reels/highlights.mp4", b"first"), content=video)
    video.write_bytes(b"later")
    with pytest.raises(TouchlineError, match="changed while"):
        commit_files(folder, [file])
    assert not folder.manifest.exists()


def test_what_is_published_is_known_by_every_byte(folder):
    digest = commit_files(folder, _old()).manifest_sha256
    assert is_published(folder, digest)
    assert not is_published(folder, "0" * 64)
    (folder.root / "match.json").unlink()
    assert not is_published(folder, digest)
    assert match_folder.commit_files(folder, _old()).manifest_sha256 == digest
    assert is_published(folder, digest)
