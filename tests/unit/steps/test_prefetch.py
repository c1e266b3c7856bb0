"""A copy in SCRATCH_DIR is whole or not there; steps read it, and what they make is the same."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from touchline.beneath.folder import temporary_name
from touchline.domain.layout import ScratchFiles, WorkFiles
from touchline.domain.recording import Recording
from touchline.errors import BadRecordingError, StorageError, TouchlineError
from touchline.results.recordings import from_nearest
from touchline.results.request import load_request
from touchline.results.result import read_result
from touchline.steps.prefetch import prefetch
from touchline.steps.probe import probe
from touchline.steps.register import register_match
from touchline.steps.scan import scan
from touchline.video.plain import recording_from_plain


@pytest.fixture
def match_id(own_settings) -> str:
    path = own_settings.nas_mount_path / "cup [final].mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=128x64:r=25:d=4", path], check=True)
    return register_match([path], own_settings).match_id


@pytest.fixture
def recording(own_settings, match_id: str) -> Recording:
    return recording_from_plain(probe(match_id, own_settings).result["recordings"][0])


def copy_of(match_id: str, settings) -> Path:
    [digest] = load_request(match_id, settings).fingerprints
    return ScratchFiles(settings.scratch_dir, match_id).recording(digest)


def paths(near: Sequence[Recording]) -> list[str]:
    return [recording.path for recording in near]


def test_the_copy_is_the_recording_with_its_rights(own_settings, match_id):
    [source] = own_settings.nas_mount_path.iterdir()
    source.chmod(0o640)
    prefetch(match_id, own_settings)
    copy = copy_of(match_id, own_settings)
    assert copy.read_bytes() == source.read_bytes()
    assert copy.stat().st_mode & 0o777 == 0o640
    assert list(copy.parent.iterdir()) == [copy]


def test_a_second_prefetch_finds_its_work_done(own_settings, match_id):
    prefetch(match_id, own_settings)
    made = copy_of(match_id, own_settings).stat().st_mtime_ns
    prefetch(match_id, own_settings)
    assert copy_of(match_id, own_settings).stat().st_mtime_ns == made


def test_a_recording_that_changed_is_not_copied(own_settings, match_id):
    [source] = own_settings.nas_mount_path.iterdir()
    source.write_bytes(source.read_bytes()[:-1] + b"x")
    with pytest.raises(TouchlineError, match="has changed since it was registered"):
        prefetch(match_id, own_settings)
    assert list(copy_of(match_id, own_settings).parent.iterdir()) == []


def test_a_recording_that_is_away_is_told(own_settings, match_id):
    shutil.rmtree(own_settings.nas_mount_path)
    with pytest.raises(StorageError, match="is away or incomplete"):
        prefetch(match_id, own_settings)


def test_a_copy_takes_at_most_half_of_what_is_free(own_settings, match_id, monkeypatch):
    monkeypatch.setattr("touchline.steps.prefetch._ROOM_TIMES", 1 << 40)
    with pytest.raises(StorageError, match=r"has too little room for a copy: .* MB free, .* MB wanted"):
        prefetch(match_id, own_settings)
    assert not copy_of(match_id, own_settings).exists()


def test_two_do_not_copy_at_once(own_settings, match_id):
    scratch = ScratchFiles(own_settings.scratch_dir, match_id)
    scratch.root.mkdir(parents=True)
    with (scratch.root / "prefetch.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(TouchlineError, match="another process copies"):
            prefetch(match_id, own_settings)


def test_what_a_killed_copy_left_is_removed(own_settings, match_id):
    copy = copy_of(match_id, own_settings)
    copy.parent.mkdir(parents=True)
    (copy.parent / temporary_name(copy.name)).write_bytes(b"half")
    prefetch(match_id, own_settings)
    assert list(copy.parent.iterdir()) == [copy]


def test_a_step_reads_the_copy_and_makes_the_same(own_settings, match_id, recording):
    scan(match_id, own_settings)
    stored = WorkFiles(own_settings.working_dir, match_id).scan
    undisturbed = stored.read_bytes()
    prefetch(match_id, own_settings)
    shutil.rmtree(own_settings.nas_mount_path)
    assert scan(match_id, own_settings, force=True).reused is False
    assert stored.read_bytes() == undisturbed
    assert read_result(stored).result["hot"] is not None


def test_without_a_whole_copy_the_recording_is_read(own_settings, match_id, recording):
    scratch = ScratchFiles(own_settings.scratch_dir, match_id)
    assert from_nearest([recording], scratch, paths) == [recording.path]
    copy = copy_of(match_id, own_settings)
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"half")
    assert from_nearest([recording], scratch, paths) == [recording.path]
    copy.unlink()
    prefetch(match_id, own_settings)
    assert from_nearest([recording], scratch, paths) == [str(copy)]


@pytest.mark.parametrize("damage", ["bad", "gone"])
def test_a_copy_that_cannot_be_used_counts_as_none(own_settings, match_id, recording, damage, capsys):
    prefetch(match_id, own_settings)
    copy = copy_of(match_id, own_settings)

    def make(near: Sequence[Recording]) -> list[str]:
        if paths(near) == [str(copy)]:
            if damage == "gone":
                os.unlink(copy)
            raise BadRecordingError("its pictures are broken")
        return paths(near)

    assert from_nearest([recording], ScratchFiles(own_settings.scratch_dir, match_id), make) == [recording.path]
    assert "reading from the NAS" in capsys.readouterr().err


def test_a_full_disk_is_not_blamed_on_the_copy(own_settings, match_id, recording):
    prefetch(match_id, own_settings)
    tries = []

    def make(near: Sequence[Recording]) -> None:
        tries.append(paths(near))
        raise StorageError(own_settings.working_dir, "is full", "free some space")

    with pytest.raises(StorageError, match="is full"):
        from_nearest([recording], ScratchFiles(own_settings.scratch_dir, match_id), make)
    assert len(tries) == 1
