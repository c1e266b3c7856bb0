"""`touchline check-nas` on mounts as they should be and as they should not: one line each, and the right exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.nas_place import disk, in_group, throttled, unwell_nas
from integration.storage_place import Command
from support.footage import TOUCHLINE
from support.mounts import fill, is_mounted, mount, unmount

RECORDING_BYTES = 24 << 20


@pytest.fixture
def nas(tmp_path: Path) -> Iterator[Path]:
    """A read-only disk with a recording of 24 MiB."""
    with disk(tmp_path / "nas", 64) as folder:
        add_recording(folder)
        mount("-o", "remount,ro", folder)
        yield folder


@pytest.fixture
def output(tmp_path: Path) -> Iterator[Path]:
    with disk(tmp_path / "output", 128) as folder:
        yield folder


def add_recording(folder: Path) -> None:
    (folder / "cup final.mp4").write_bytes(os.urandom(RECORDING_BYTES))
    (folder / "notes.txt").write_text("a small file")


def check(nas: Path, output: Path, *options: str, through: tuple[str, ...] = ()) -> Command:
    """Files count as still after a second."""
    environ = {**os.environ, "NAS_MOUNT_PATH": str(nas), "NAS_OUTPUT_PATH": str(output), "WORKING_DIR": f"{nas}.work"}
    code = ("import sys; from touchline.steps import check_nas; check_nas.STILL_SEC = 0; "
            "from touchline.cli import main; sys.exit(main(sys.argv[1:]))")
    python = Path(TOUCHLINE).with_name("python")
    environ["WATCH_STABLE_TIME_SEC"] = "1"
    time.sleep(1.2)
    return subprocess.run([*through, python, "-c", code, "check-nas", *options], env=environ, capture_output=True,
                          text=True, timeout=90, check=False)


def lines(done: Command) -> dict[str, str]:
    """"mounted" → "ok   …" of the first line of that name; none is longer than one line."""
    assert "Traceback" not in done.stderr
    found = [re.fullmatch(r"(ok  |warn|FAIL) ([a-z]+) +(.+)", line) for line in done.stdout.splitlines()]
    assert all(found), done.stdout
    return {one[2]: f"{one[1].strip()} {one[3]}" for one in reversed(found) if one}


def assert_failed(done: Command, name: str, line: str) -> None:
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    said = lines(done)[name]
    assert re.fullmatch(f"FAIL {line}", said), said
    assert done.stderr.splitlines() == [f"touchline check-nas: {name}: {said.removeprefix('FAIL ')}"]


def test_a_good_nas_is_ok_in_every_line_and_measured(nas: Path, output: Path) -> None:
    done = check(nas, output, "--min-free", "0.01")
    said = lines(done)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(said) == ["write", "space", "output", "read", "latency", "recordings", "mounted"]
    assert {line.split()[0] for line in said.values()} == {"ok"}, said
    assert re.search(r"/dev/loop[0-9]+ \(ext4\), mounted on ", said["mounted"])
    assert re.search(r"^ok [0-9.]+ MB/s \(25 MB read from cup final\.mp4 in [0-9.]+ s\)$", said["read"])
    assert [path.name for path in output.iterdir()] == ["lost+found"]


def test_the_same_as_json_and_kept_for_the_host(nas: Path, output: Path) -> None:
    done = check(nas, output, "--json", "--save-for", "gpu-1")
    found = json.loads(done.stdout)
    assert found["state"] == "warn", "500 GB are not free here"
    assert {"read_mb_s", "write_mb_s", "free_gb", "stat_ms", "stat_worst_ms", "open_ms"} <= set(found["figures"])
    kept = json.loads((Path(f"{nas}.work") / "hosts" / "gpu-1" / "nas.json").read_text())
    assert kept.pop("host") == "gpu-1" and abs(kept.pop("measured_at_ms") / 1000 - time.time()) < 60
    assert kept == found


def test_little_space_is_a_warning(nas: Path, output: Path) -> None:
    done = check(nas, output, "--min-free", "700")
    assert done.returncode == 0
    assert re.search(r"^warn .* has 0\.1 GB free, less than 700 GB; free some space", lines(done)["space"])


def test_recordings_that_can_be_written_are_a_warning(nas: Path, output: Path) -> None:
    mount("-o", "remount,rw", nas)
    done = check(nas, output)
    assert done.returncode == 0
    assert re.search(r"^warn .* written as well; mount it with ro", lines(done)["recordings"])


def test_an_output_that_is_read_only_fails(nas: Path, output: Path) -> None:
    mount("-o", "remount,ro", output)
    line = rf"NAS_OUTPUT_PATH \({output}\) is read-only \(.*\); mount it for writing"
    assert_failed(check(nas, output), "output", line)


def test_an_output_that_is_full_fails(nas: Path, output: Path) -> None:
    fill(output, 1 << 18)
    line = rf"NAS_OUTPUT_PATH \({output}\) is full: 0 MB free; free some space or move it"
    assert_failed(check(nas, output), "output", line)
    assert sorted(path.name for path in output.iterdir()) == ["filler", "lost+found"]


def test_a_mount_that_is_missing_fails(tmp_path: Path, output: Path) -> None:
    gone, empty = tmp_path / "gone", tmp_path / "empty"
    empty.mkdir()
    how = r"mount the NAS there: docs/how-to/mount-the-nas\.md"
    assert_failed(check(gone, output), "mounted", rf"NAS_MOUNT_PATH \({gone}\) is not there; {how}")
    if not any(is_mounted(parent) for parent in empty.parents if parent != Path("/")):
        line = rf"NAS_MOUNT_PATH \({empty}\) is an empty folder of the root file system; {how}"
        assert_failed(check(empty, output), "mounted", line)


def test_a_slow_disk_is_a_warning_with_its_rate(nas: Path, output: Path) -> None:
    with throttled(nas, 4) as slow:
        done = check(nas, output, through=in_group(slow))
    found = re.search(r"^warn ([0-9.]+) MB/s \(.*; below PREFETCH_BELOW_MB_S=50: recordings are copied to SCRATCH_DIR",
                      lines(done)["read"])
    assert done.returncode == 0
    assert found and 3 < float(found[1]) < 5.5, lines(done)["read"]


def test_a_slow_output_is_a_warning_with_its_rate(nas: Path, output: Path) -> None:
    with throttled(output, 4) as slow:
        done = check(nas, output, through=in_group(slow))
    found = re.search(r"^warn ([0-9.]+) MB/s \(.*; below 10 MB/s publishing takes long", lines(done)["write"])
    assert done.returncode == 0
    assert found and 2 < float(found[1]) < 5.5, lines(done)["write"]


def test_without_a_recording_that_stands_still_nothing_is_read(tmp_path: Path, output: Path) -> None:
    with disk(tmp_path / "nas", 64) as folder:
        (folder / "small.mp4").write_bytes(bytes(1 << 20))
        mount("-o", "remount,ro", folder)
        done = check(folder, output)
    assert done.returncode == 0
    assert re.search(r"^ok not measured: .* holds no file of 8 MiB that stood still for", lines(done)["read"])


def test_a_nas_that_does_not_answer_is_one_line_and_no_hang(tmp_path: Path, output: Path) -> None:
    (tmp_path / "source").mkdir()
    add_recording(tmp_path / "source")
    with unwell_nas(tmp_path / "source", tmp_path / "nas") as sick:
        assert check(sick.folder, output).returncode == 0
        sick.turn("hang")
        started = time.monotonic()
        done = check(sick.folder, output, "--timeout", "2")
        took_sec = time.monotonic() - started
        line = rf"NAS_MOUNT_PATH \({sick.folder}\) did not answer within 2 s: its server or the way to it is away; .*"
        assert_failed(done, "mounted", line)
        assert took_sec < 15, f"{took_sec:.0f} s"
        assert set(lines(done)) == {"mounted", "output", "space", "write"}, "the other mount is checked"


@pytest.mark.parametrize(("name", "words"), [("ESTALE", "is away \\(Stale file handle\\); mount it again .*"),
                                             ("EIO", "cannot be read \\(Input/output error\\); check the disk .*"),
                                             ("EHOSTDOWN", "is away \\(Host is down\\); mount it again .*")])
def test_the_errors_of_a_nas_that_goes_away_are_named(tmp_path: Path, output: Path, name: str, words: str) -> None:
    (tmp_path / "source").mkdir()
    with unwell_nas(tmp_path / "source", tmp_path / "nas") as sick:
        sick.turn(f"error {name}")
        assert_failed(check(sick.folder, output), "mounted", rf"NAS_MOUNT_PATH \({sick.folder}\) {words}")


def test_a_dead_file_system_is_named(tmp_path: Path, output: Path) -> None:
    (tmp_path / "source").mkdir()
    with unwell_nas(tmp_path / "source", tmp_path / "nas") as sick:
        sick.die()
        line = rf"NAS_MOUNT_PATH \({sick.folder}\) is away \(Transport endpoint is not connected\); mount it again .*"
        assert_failed(check(sick.folder, output), "mounted", line)
        unmount(sick.folder)
