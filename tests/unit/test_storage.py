"""What the kernel and ffmpeg say of the storage becomes one line that names the folder and what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from touchline.errors import (
    EXIT_STORAGE,
    STORAGE,
    BadRecordingError,
    CommandError,
    IncompleteRecordingError,
    StorageError,
)
from touchline.results import recordings
from touchline.results.folders import naming_folders
from touchline.results.recordings import from_whole
from touchline.settings import Settings
from touchline.storage import STORAGE_ERRNOS, is_said_in_passing, reading, storage_errno, storage_error, writing


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(nas_mount_path=tmp_path / "nas", nas_output_path=tmp_path / "nas" / "output",
                    working_dir=tmp_path / "work", scratch_dir=tmp_path / "work" / "scratch")


@pytest.mark.parametrize(("number", "says"), [
    (errno.ENOSPC, "is full: "), (errno.EDQUOT, "is full: "), (errno.EROFS, "is read-only"),
    (errno.EACCES, f"cannot be written by user {os.geteuid()}"), (errno.ESTALE, "is away"),
    (errno.ENOENT, "is away or incomplete"), (errno.EIO, "cannot be written"),
])  # fmt: skip
def test_every_fault_has_its_words_and_is_worth_a_retry(tmp_path, number, says):
    with pytest.raises(StorageError, match=says) as found, writing(tmp_path / "a.json"):
        raise OSError(number, os.strerror(number))
    assert (found.value.exit_code, found.value.failure.cause) == (EXIT_STORAGE, STORAGE)
    assert str(found.value).endswith(", the task is tried again") and "\n" not in str(found.value)


def test_other_errors_are_left_alone(tmp_path):
    for block in (writing, reading):
        with pytest.raises(BrokenPipeError), block(tmp_path):
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
    with pytest.raises(CommandError), writing(tmp_path):
        raise CommandError(["ffmpeg"], 1, "a.mp4: Invalid data found when processing input")


@pytest.mark.parametrize(("folder", "name"), [
    ("nas/a.mp4", "NAS_MOUNT_PATH"), ("nas/output/m/manifest.json", "NAS_OUTPUT_PATH"), ("work/a.json", "WORKING_DIR"),
    ("work/scratch/a.mkv", "SCRATCH_DIR"),
])  # fmt: skip
def test_the_innermost_folder_gives_its_settings_name(settings, tmp_path, folder, name):
    line = rf"^{name} \(.*\) is read-only \({tmp_path / folder}: Read-only file system, [0-9]+ MB free\); mount it"
    with pytest.raises(StorageError, match=line), naming_folders(settings):
        raise OSError(errno.EROFS, "Read-only file system", str(tmp_path / folder))
    with pytest.raises(StorageError, match=line), naming_folders(settings):
        raise storage_error(errno.EROFS, tmp_path / folder, writes=True)


@pytest.mark.parametrize("number", sorted(STORAGE_ERRNOS - {errno.EPERM, errno.ENODEV, errno.ENXIO}))
def test_the_words_of_ffmpeg_are_understood(number):
    assert storage_errno(f"input: {os.strerror(number)}") == number


@pytest.mark.parametrize("line", ["[h264 @ 0x1] Input/output error in the picture", "a: Invalid argument", ""])
def test_other_words_are_not(line):
    assert storage_errno(line) is None
    assert not is_said_in_passing(storage_errno(line))


class Step:
    """Ends once as told, then well."""

    def __init__(self, *ends: Exception | None) -> None:
        self.ends = list(ends)

    def __call__(self) -> str:
        end = self.ends.pop(0)
        if end:
            raise end
        return "made"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    (tmp_path / "match.mp4").write_bytes(b"film")
    return tmp_path / "match.mp4"


def test_a_bad_recording_is_looked_at_twice(recording):
    assert from_whole([recording], Step(BadRecordingError("bad"), None)) == "made"
    with pytest.raises(BadRecordingError):
        from_whole([recording], Step(BadRecordingError("bad"), BadRecordingError("bad")))
    with pytest.raises(IncompleteRecordingError):
        from_whole([recording], Step(IncompleteRecordingError("half"), None))


def probing(recording, number):
    """A step whose ffprobe ended with this error."""
    def step() -> None:
        try:
            raise CommandError(["ffprobe", "-i", f"file:{recording}"], 1, f"input: {os.strerror(number)}", number)
        except CommandError:
            raise BadRecordingError("match.mp4 cannot be read; copy it again") from None

    return step


def test_a_read_error_behind_a_bad_recording_is_found(recording):
    with pytest.raises(StorageError, match="Stale file handle"):
        from_whole([recording], probing(recording, errno.ESTALE))


def test_what_ffmpeg_calls_a_read_error_is_damage_where_every_byte_can_be_read(recording, monkeypatch):
    with pytest.raises(BadRecordingError, match="copy it again"):
        from_whole([recording], probing(recording, errno.EIO))
    # A disk with a bad sector, which no test can make: tests/integration/test_unwell_nas.py has a file system that can.
    monkeypatch.setattr(recordings, "_read_through", lambda paths: storage_fails(paths[0]))
    with pytest.raises(StorageError, match=r"match\.mp4 cannot be read \(Input/output error\)"):
        from_whole([recording], probing(recording, errno.EIO))


def storage_fails(path):
    with reading(path):
        raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))


def test_a_recording_that_goes_away_under_the_step_is_never_bad(recording):
    def step() -> None:
        recording.unlink()
        raise BadRecordingError("it ends too early")

    with pytest.raises(StorageError, match="is away or incomplete"):
        from_whole([recording], step)


def test_what_was_made_from_a_recording_that_changed_does_not_count(recording):
    with pytest.raises(StorageError, match="changed while it was read"):
        from_whole([recording], lambda: recording.write_bytes(b"another film"))
