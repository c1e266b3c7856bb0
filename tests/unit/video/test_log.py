"""What a name or a tag says is never taken for what ffmpeg says."""

from __future__ import annotations

from fractions import Fraction

import pytest

from touchline.errors import CommandError
from touchline.results.recordings import from_whole
from touchline.video.audio import decode_audio
from touchline.video.command import run
from touchline.video.complete import check_complete
from touchline.video.cut import ClipStyle, cut_clip
from touchline.video.decode import decode_frames, grab_frame
from touchline.video.log import last_message, message, programs_message
from touchline.video.packets import video_packets
from touchline.video.probe import UnreadableRecordingError

FULL, BROKEN = "No space left on device", "Input/output error"
FAKES = (
    FULL,
    f"x: {BROKEN}",
    f"x\n[error] av_interleaved_write_frame(): {FULL}",
    "x\n[Parsed_showinfo_1 @ 0x5] [info] n: 0 pts: -9000000 pts_time:-9",
    "x\nframe:0    pts:-9000000 pts_time:-9",
    "x\r[h264 @ 0x5] [error] concealing 12 DC errors",
)
NAMES = (f"a: {FULL}", f"{BROKEN}", f"a\n[error] b: {FULL}", "a | b: Stale file handle", "timescale not set] c: d")


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_tags_that_read_like_ffmpegs_log_change_nothing(make_recording, probed, ffmpeg, tmp_path, suffix):
    path, clip = tmp_path / f"tags.{suffix}", tmp_path / "clip.mkv"
    tags = [part for number, fake in enumerate(FAKES) for part in ("-metadata", f"title{number}={fake}")]
    tags += [part for fake in FAKES for part in ("-metadata", f"{fake}=1", "-metadata:s:v", f"{fake}=1")]
    extra = ("-movflags", "+use_metadata_tags") if suffix == "mp4" else ()
    plain = make_recording(f"plain.{suffix}", seconds=2, sound="sine=440")
    ffmpeg("-i", plain, "-c", "copy", *tags, *extra, path)
    recording = probed(path)
    assert (recording.video.start_s, recording.duration_ms) == (probed(plain).video.start_s, 2000)
    assert check_complete(path).duration_ms == 2000
    assert len(list(decode_frames(recording, 0, 2000, fps=Fraction(25), width=64, height=32))) == 50
    assert len(video_packets(recording)) == 50
    assert sum(map(len, decode_audio(recording))) == pytest.approx(32_000, abs=800)
    assert grab_frame(recording, 1000, 64)
    assert cut_clip(recording, 500, 1500, clip, ClipStyle(64, 32, Fraction(25))) == 25


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_reads_like_a_failing_disk_is_no_failing_disk(make_recording, probed, tmp_path, name):
    folder = tmp_path / name.replace("/", ":")
    folder.mkdir()
    path = folder / f"{name.replace('/', ':')}.mp4"
    path.write_bytes(make_recording("plain.mp4", seconds=2, sound="sine=440").read_bytes())
    assert probed(path).duration_ms == 2000
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(CommandError) as caught:
        run(["ffprobe", "-v", "level+error", "-f", "mov", "-i", f"file:{path}"], timeout_s=30)
    assert caught.value.kernel_errno is None
    assert caught.value.last_lines.endswith("input: Invalid data found when processing input")
    assert str(path) in str(caught.value)
    with pytest.raises(UnreadableRecordingError, match="cannot be read: moov atom not found; copy it again"):
        from_whole([path], lambda: probed(path))


def test_a_recording_that_cannot_be_opened_is_a_fault_of_the_storage(tmp_path):
    with pytest.raises(CommandError) as caught:
        run(["ffprobe", "-v", "level+error", "-i", f"file:{tmp_path}/a.mp4"], timeout_s=30)
    assert caught.value.kernel_errno == 2
    assert "a.mp4: input: No such file or directory" in str(caught.value)


def test_a_full_disk_is_told_by_the_program_itself(make_recording, tmp_path):
    source = make_recording("plain.mp4", seconds=2)
    argv = ["ffmpeg", "-nostdin", "-loglevel", "level+error", "-i", f"file:{source}", "-f", "rawvideo", "-y"]
    with pytest.raises(CommandError) as caught:
        run([*argv, "file:/dev/full"], timeout_s=30)
    assert caught.value.kernel_errno == 28


def test_a_line_is_parted_into_context_level_and_message():
    assert message("[h264 @ 0x1f] [error] no frame!") == programs_message("[error] no frame!") == "no frame!"
    assert message("[info] title: [error] x") is None
    assert programs_message(f"[matroska,webm @ 0x1f] [error] x: {FULL}") is None
    assert last_message("[error] a | [mov @ 0x1] [error] moov atom not found") == "moov atom not found"
    assert last_message("[error] input: Invalid data") == "Invalid data"
    assert last_message("") == "no reason was given"
