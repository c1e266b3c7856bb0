"""Full disks, read-only folders, mounts that go away: one line, exit code 1, nothing left over, and a retry heals it.

Every case runs the real command against small tmpfs and bind mounts, so it takes root. A disk is filled, or a mount
removed, while the step stands still: it is stopped as soon as it has a child, that is, after its checks and before it
writes anything.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integration.storage_place import RESULTS, Command, Place, put_on_disk
from support.footage import TOUCHLINE
from support.mounts import fill, is_mounted, mount, mounted, skip_without_mounts, unmount, used_bytes
from touchline.errors import EXIT_STORAGE

NOBODY = 65534
NO_PRIVILEGE = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Root as any other user: file permissions count."""
FULL = r"{0} \({1}\) is full: 0 MB free; free some space or move it, the task is tried again"
AWAY = r"NAS_MOUNT_PATH \({1}\) is away or incomplete \(.*match\.mp4: No such file or directory\); mount it again .*"


@pytest.fixture(scope="module")
def finished() -> Iterator[Place]:
    """A match on which every step was run undisturbed; the NAS is a bind mount."""
    root = Path(tempfile.mkdtemp(prefix="touchline-storage-"))
    root.chmod(0o755)
    place = Place(root)
    for name in ("nas", "source", "work", "scratch", "output"):
        (root / name).mkdir()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, root)
        skip_without_mounts(place.nas)
        stack.enter_context(mounted(place.nas, "--bind", place.source))
        subprocess.run([TOUCHLINE, "simulate", "--seconds", "12", "--seed", "3", "--size", "320x180", "--output",
                        place.source], check=True, capture_output=True)
        (place.source / "match.marks.csv").write_text("time,label\n00:00:04,Save\n00:00:10,Goal\n")
        place.match_id = place.run("register", place.nas / "match.mp4").stdout.strip()
        for step in ("probe", "scan", "plan-chunks", "spot-chunk", "merge-actions", "plan-reels", "render-reel"):
            done = place.run(step)
            assert done.returncode == 0, done.stderr
        assert place.run("render-reel", place.match_id, "keeper").returncode == 0
        assert place.run("publish").returncode == 0
        yield place


@pytest.fixture
def place(finished: Place, tmp_path: Path) -> Iterator[Place]:
    """The finished match; afterwards all is as before."""
    for name in ("work", "output"):
        shutil.copytree(finished.root / name, tmp_path / name)
    yield finished
    for name in ("nas", "work", "scratch", "output"):
        while is_mounted(finished.root / name):
            unmount(finished.root / name)
        if name != "nas":
            shutil.rmtree(finished.root / name)
            (finished.root / name).mkdir()
    mount("--bind", finished.source, finished.nas)
    for name in ("work", "output"):
        shutil.copytree(tmp_path / name, finished.root / name, dirs_exist_ok=True)


def refused(place: Place, step: str, done: Command, line: str) -> None:
    """The step failed as it should: worth a retry, one line with the reason, nothing half-done."""
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == EXIT_STORAGE, (done.returncode, done.stderr)
    assert re.fullmatch(f"touchline {step}: {line}", last), last
    assert "Traceback" not in done.stderr
    assert place.left_over() == []


def heals(place: Place, step: str, undisturbed: dict[str, bytes]) -> None:
    again = place.run(step)
    assert again.returncode == 0, again.stderr
    assert place.made(step) == undisturbed
    assert place.left_over() == []


def slow(*steps: str) -> list[object]:
    """The models take seconds to load: those cases are left to `make verify`."""
    return [pytest.param(step, marks=[pytest.mark.verify] * (step == "spot-chunk")) for step in steps]


@pytest.mark.parametrize("step", slow("probe", "scan", "spot-chunk", "merge-actions", "render-reel", "publish"))
def test_a_full_working_dir_is_told_at_the_start(place: Place, step: str) -> None:
    undisturbed = place.made(step)
    place.undo(step)
    put_on_disk(place.work, "16m")
    filler = fill(place.work)
    before = used_bytes(place.work)
    refused(place, step, place.run(step), FULL.format("WORKING_DIR", place.work))
    assert not (place.files / RESULTS[step]).exists()
    assert used_bytes(place.work) == before
    filler.unlink()
    heals(place, step, undisturbed)


@pytest.mark.parametrize("step", slow("probe", "scan", "spot-chunk", "render-reel"))
def test_a_working_dir_that_becomes_full_is_told(place: Place, step: str) -> None:
    undisturbed = place.made(step)
    place.undo(step)
    put_on_disk(place.work, "16m")
    before = used_bytes(place.work)
    done = place.run_disturbed(step, lambda: fill(place.work))
    refused(place, step, done, FULL.format("WORKING_DIR", place.work))
    assert not (place.files / RESULTS[step]).exists()
    (place.work / "filler").unlink()
    assert used_bytes(place.work) - before <= 8192, "what the step wrote is still there"
    heals(place, step, undisturbed)


@pytest.mark.verify
def test_a_full_scratch_dir_is_told_at_the_start(place: Place) -> None:
    undisturbed = place.made("render-reel")
    place.undo("render-reel")
    put_on_disk(place.scratch, "16m")
    filler = fill(place.scratch)
    refused(place, "render-reel", place.run("render-reel"), FULL.format("SCRATCH_DIR", place.scratch))
    filler.unlink()
    heals(place, "render-reel", undisturbed)


@pytest.mark.parametrize("part", [0.45, pytest.param(0.98, marks=pytest.mark.verify)])
def test_a_scratch_dir_that_becomes_full_keeps_whole_clips_for_the_retry(place: Place, part: float) -> None:
    """0.45: in the middle of a clip; 0.98: at its end, where ffmpeg leaves a file that is cut off with exit code 0."""
    undisturbed = place.made("render-reel")
    place.undo("render-reel")
    shutil.rmtree(place.scratch / "matches", ignore_errors=True)
    assert place.run("render-reel").returncode == 0
    clips = sorted(place.scratch.rglob("clips/*.mov"))
    needed = sum(path.stat().st_size for path in clips)
    contents = {path.read_bytes() for path in clips}
    place.undo("render-reel")
    shutil.rmtree(place.scratch / "matches")
    put_on_disk(place.scratch, "64m")
    filler = fill(place.scratch, int(needed * part))
    refused(place, "render-reel", place.run("render-reel"), FULL.format("SCRATCH_DIR", place.scratch))
    kept = list(place.scratch.rglob("clips/*.mov"))
    assert len(kept) < len(clips) and all(path.read_bytes() in contents for path in kept)
    filler.unlink()
    heals(place, "render-reel", undisturbed)


@pytest.mark.verify
def test_a_joined_reel_that_does_not_fit_in_scratch_leaves_the_clips(place: Place) -> None:
    undisturbed = place.made("render-reel")
    place.undo("render-reel")
    put_on_disk(place.scratch, "64m")
    assert place.run("render-reel").returncode == 0
    place.undo("render-reel")
    clips = sorted(place.scratch.rglob("clips/*.mov"))
    filler = fill(place.scratch, 16384)
    refused(place, "render-reel", place.run("render-reel"), FULL.format("SCRATCH_DIR", place.scratch))
    assert sorted(place.scratch.rglob("clips/*.mov")) == clips
    filler.unlink()
    heals(place, "render-reel", undisturbed)


def test_an_output_that_is_read_only_is_told(place: Place) -> None:
    undisturbed = place.made("publish")
    place.undo("publish")
    shutil.rmtree(place.output / place.match_id)
    mount("--bind", place.output, place.output)
    mount("-o", "remount,ro,bind", place.output)
    line = rf"NAS_OUTPUT_PATH \({place.output}\) is read-only \(.*: Read-only file system, [0-9]+ MB free\); mount .*"
    refused(place, "publish", place.run("publish"), line)
    unmount(place.output)
    heals(place, "publish", undisturbed)


def test_an_output_that_this_user_may_not_write_is_told(place: Place) -> None:
    undisturbed = place.made("publish")
    place.undo("publish")
    shutil.rmtree(place.output / place.match_id)
    os.chown(place.output, NOBODY, NOBODY)
    line = rf"NAS_OUTPUT_PATH \({place.output}\) cannot be written by user 0 \(.*: Permission denied\); let user 0 .*"
    refused(place, "publish", place.run("publish", through=NO_PRIVILEGE), line)
    heals(place, "publish", undisturbed)


def test_an_output_with_too_little_space_is_told_before_anything_is_written(place: Place) -> None:
    undisturbed = place.made("publish")
    place.undo("publish")
    shutil.rmtree(place.output / place.match_id)
    put_on_disk(place.output, "16m")
    filler = fill(place.output, 1 << 17)
    line = rf"NAS_OUTPUT_PATH \({place.output}\) has too little space: 0 MB free, [0-9]+ MB needed; free some space, .*"
    refused(place, "publish", place.run("publish"), line)
    assert [path for path in place.output.rglob("*") if path.is_file()] == [filler]
    filler.unlink()
    heals(place, "publish", undisturbed)


def test_an_output_that_is_full_in_the_middle_keeps_what_was_published(place: Place) -> None:
    """The disk runs out of inodes, not of bytes: that can be had at an exact place."""
    undisturbed = place.made("publish")
    place.undo("publish")
    shutil.rmtree(place.output / place.match_id)
    put_on_disk(place.output, "16m", "nr_inodes=6")
    line = rf"NAS_OUTPUT_PATH \({place.output}\) is full: [0-9]+ MB, but no more files, free; free some space .*"
    refused(place, "publish", place.run("publish"), line)
    assert not (place.output / place.match_id / "manifest.json").exists()
    mount("-o", "remount,nr_inodes=1000", place.output)
    heals(place, "publish", undisturbed)


@pytest.mark.parametrize("step", slow("probe", "scan", "spot-chunk", "render-reel"))
def test_a_recording_whose_mount_is_away_is_not_a_bad_one(place: Place, step: str) -> None:
    undisturbed = place.made(step)
    place.undo(step)
    unmount(place.nas)
    refused(place, step, place.run(step), AWAY.format("", place.nas))
    mount("--bind", place.source, place.nas)
    heals(place, step, undisturbed)


@pytest.mark.parametrize("step", slow("probe", "scan", "spot-chunk", "render-reel"))
def test_a_mount_that_goes_away_under_the_reader_is_not_a_bad_recording(place: Place, step: str) -> None:
    undisturbed = place.made(step)
    place.undo(step)
    refused(place, step, place.run_disturbed(step, lambda: unmount(place.nas)), AWAY.format("", place.nas))
    assert not (place.files / RESULTS[step]).exists()
    mount("--bind", place.source, place.nas)
    heals(place, step, undisturbed)


def test_a_recording_that_is_cut_off_under_the_reader_gives_no_result(place: Place) -> None:
    undisturbed = place.made("scan")
    place.undo("scan")
    recording = place.source / "match.mp4"
    whole = recording.read_bytes()
    try:
        done = place.run_disturbed("scan", lambda: os.truncate(recording, len(whole) // 2))
    finally:
        recording.write_bytes(whole)
    line = rf"NAS_MOUNT_PATH \({place.nas}\) holds a recording that changed while it was read \(.* bytes .*\); leave .*"
    refused(place, "scan", done, line)
    assert not (place.files / RESULTS["scan"]).exists()
    heals(place, "scan", undisturbed)


def test_a_recording_that_is_away_is_not_judged_by_its_check(place: Place) -> None:
    unmount(place.nas)
    done = place.run("check-recording", place.nas / "match.mp4")
    refused(place, "check-recording", done, AWAY.format("", place.nas))
    assert done.stdout == "", "a verdict about a recording that nobody could read"


@pytest.mark.verify
def test_process_tells_the_same_and_heals(place: Place) -> None:
    shutil.rmtree(place.work / "matches")
    shutil.rmtree(place.output / place.match_id)
    put_on_disk(place.scratch, "16m")
    filler = fill(place.scratch)
    arguments = (place.nas / "match.mp4", "--output", place.output)
    refused(place, "process", place.run("process", *arguments), FULL.format("SCRATCH_DIR", place.scratch))
    assert not list(place.scratch.rglob("clips/*.mov")) and not (place.output / place.match_id).exists()
    filler.unlink()
    assert place.run("process", *arguments).returncode == 0
    assert (place.output / place.match_id / "manifest.json").exists()


@pytest.mark.verify
@pytest.mark.parametrize("step", ["probe", "scan", "spot-chunk", "render-reel", "check-recording"])
def test_a_disk_that_gives_read_errors_is_not_a_bad_recording(place: Place, step: str, tmp_path: Path) -> None:
    """A loop device whose file ends too early gives EIO in the middle of the recording."""
    undisturbed = place.made(step) if step in RESULTS else {}
    if step in RESULTS:
        place.undo(step)
    image = tmp_path / "nas.img"
    unmount(place.nas)
    with image.open("wb") as handle:
        handle.truncate(24 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-d", place.source, image], check=True, capture_output=True)
    break_disk(image, place)
    arguments = (place.nas / "match.mp4",) if step == "check-recording" else ()
    done = place.run(step, *arguments)
    if step in ("scan", "check-recording") or done.returncode:
        line = rf"NAS_MOUNT_PATH \({place.nas}\) cannot be read \(.*: Input/output error\); check the disk .*"
        refused(place, step, done, line)
    unmount(place.nas)
    mount("--bind", place.source, place.nas)
    if step in RESULTS:
        heals(place, step, undisturbed)


def break_disk(image: Path, place: Place) -> None:
    """Mount the image and cut it so that the recording's first 64 KiB can be read and its end cannot."""
    try:
        mount("-o", "loop,ro,noload", image, place.nas)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no loop device can be mounted here: {error.stderr}")
    with (place.nas / "match.mp4").open("rb") as handle:
        handle.read(1 << 16)
        for size in range(image.stat().st_size, 0, -(64 << 10)):
            os.truncate(image, size)
            os.posix_fadvise(handle.fileno(), 1 << 16, 0, os.POSIX_FADV_DONTNEED)
            handle.seek(1 << 16)
            try:
                while handle.read(1 << 16):
                    pass
            except OSError:
                return
    raise AssertionError("no size of the image breaks the recording")
