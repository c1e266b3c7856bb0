"""What is mounted where, which file may be read, and that a probe leaves nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from touchline.nas import probes as nas_probes
from touchline.nas.probes import Mount, mount_of

TABLE = r"""22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:40 / /mnt/nas/soccer ro,nosuid shared:1 - nfs4 nas:/export/soccer rw,vers=4.2
31 22 0:41 / /mnt/my\040nas rw - cifs //nas/reels rw
32 22 0:42 / /mnt/nas/soccer/output rw - nfs4 nas:/export/reels rw
33 22 0:43 / /mnt/frozen rw - nfs4 nas:/export/old ro
"""


@pytest.mark.parametrize(("path", "mount"), [
    ("/mnt/nas/soccer", Mount("/mnt/nas/soccer", "nfs4", "nas:/export/soccer", True)),
    ("/mnt/nas/soccer/2026/cup", Mount("/mnt/nas/soccer", "nfs4", "nas:/export/soccer", True)),
    ("/mnt/nas/soccer/output", Mount("/mnt/nas/soccer/output", "nfs4", "nas:/export/reels", False)),
    ("/mnt/nas/soccer2", Mount("/", "ext4", "/dev/vda", False)),
    ("/mnt/my nas/a", Mount("/mnt/my nas", "cifs", "//nas/reels", False)),
    ("/mnt/frozen", Mount("/mnt/frozen", "nfs4", "nas:/export/old", True)),
    ("/", Mount("/", "ext4", "/dev/vda", False)),
])  # fmt: skip
def test_the_innermost_mount_counts(path, mount):
    assert mount_of(path, TABLE) == mount


@pytest.fixture
def nas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(nas_probes, "LEAST_BYTES", 1000)
    for name, size in (("small.mp4", 10), ("a.mp4", 2000), ("deep/er/b.mp4", 3000), (".hidden/c.mp4", 9000),
                       ("output/reel.mp4", 9000), (".d.mp4.part", 9000)):
        path = tmp_path / "nas" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    os.mkfifo(tmp_path / "nas" / "pipe.mp4")
    return tmp_path / "nas"


def test_the_largest_file_that_stands_still_is_read_and_never_our_output(nas: Path):
    found = nas_probes.find_files(nas, nas / "output", 0)
    assert found["largest"] == str(nas / "deep/er/b.mp4")
    assert sorted(Path(path).name for path in found["some"]) == ["a.mp4", "b.mp4", "small.mp4"]


def test_a_file_that_may_still_be_written_is_not_read(nas: Path):
    assert nas_probes.find_files(nas, nas / "output", 60)["largest"] is None
    hour_ago = time.time() - 3600
    os.utime(nas / "a.mp4", (hour_ago, hour_ago))
    assert nas_probes.find_files(nas, nas / "output", 60)["largest"] is None, "a copy may set the time it had elsewhere"


def test_a_file_of_a_camera_whose_clock_runs_ahead_may_be_read(nas: Path, monkeypatch):
    next_year = time.time() + 365 * 86_400
    os.utime(nas / "a.mp4", (next_year, next_year))
    in_two_minutes = time.time() + 120
    monkeypatch.setattr(nas_probes.time, "time", lambda: in_two_minutes)
    (nas / "deep/er/b.mp4").unlink()
    assert nas_probes.find_files(nas, nas / "output", 60)["largest"] == str(nas / "a.mp4")


def test_reading_and_writing_say_how_much_and_leave_nothing(nas: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(nas_probes, "WRITE_BYTES", 8 << 20)
    assert nas_probes.read_rate(nas / "a.mp4")["bytes"] == 2000
    (tmp_path / "out").mkdir()
    assert nas_probes.write_rate(tmp_path / "out", nas_probes.probe_file_name())["bytes"] == 8 << 20
    assert nas_probes.publish_something(tmp_path / "out") < 10
    assert list((tmp_path / "out").iterdir()) == []


def test_the_file_of_a_check_that_was_killed_is_removed_by_a_later_one(tmp_path: Path):
    old, young = tmp_path / nas_probes.probe_file_name(), tmp_path / nas_probes.probe_file_name()
    for path in (old, young):
        path.touch()
    os.utime(old, (1, 1))
    nas_probes.publish_something(tmp_path)
    assert list(tmp_path.iterdir()) == [young]
