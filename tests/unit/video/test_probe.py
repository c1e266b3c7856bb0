from __future__ import annotations

import struct
import time
from fractions import Fraction

import pytest

from touchline.errors import BadRecordingError
from touchline.video.decode import decode_frames
from touchline.video.probe import UnreadableRecordingError, probe_recording


def test_tells_what_a_plain_recording_holds(make_recording, probed):
    path = make_recording("plain.mp4", sound="sine=440")
    recording = probed(path)
    assert recording.path == str(path)
    assert recording.size_bytes == path.stat().st_size
    assert recording.fingerprint == "0" * 64
    assert recording.demuxer == "mov"
    assert recording.duration_ms == 6000
    assert (recording.video.width, recording.video.height) == (128, 64)
    assert recording.video.codec == "h264"
    assert recording.video.fps == 25
    assert recording.video.start_s == 0
    assert not recording.video.is_hdr
    assert not recording.video.is_variable_rate
    assert recording.audio is not None
    assert (recording.audio.codec, recording.audio.sample_rate, recording.audio.channels) == ("aac", 44100, 1)


def test_a_recording_without_sound_has_none(make_recording, probed):
    assert probed(make_recording("mute.mp4")).audio is None


@pytest.mark.parametrize(("fps", "exact"), [("30000/1001", "30000/1001"), ("24000/1001", "24000/1001"), ("50", "50")])
@pytest.mark.parametrize("name", ["rate.mp4", "rate.mkv", "rate.ts"])
def test_the_rate_is_exact_in_every_container(make_recording, probed, name, fps, exact):
    recording = probed(make_recording(name, fps=fps, seconds=4))
    assert recording.video.fps == Fraction(exact)
    assert not recording.video.is_variable_rate
    assert abs(recording.duration_ms - 4000) <= 42


def test_a_transport_stream_starts_where_its_picture_starts(make_recording, probed):
    recording = probed(make_recording("late.ts", sound="sine=440", extra=("-output_ts_offset", "100")))
    assert recording.video.start_s > 100
    assert recording.duration_ms == 6000


def test_time_0_is_the_first_frame_that_is_shown(make_recording, probed):
    # GOP:      0-----------------1.3------2.0 ...         6.0
    # copied:   [hidden by the edit list)[shown: 32 or 33 to 149)
    recording = probed(make_recording.edit_list(1.3))
    assert recording.video.start_s == 0
    assert recording.duration_ms == pytest.approx(4700, abs=45)


@pytest.mark.parametrize(
    ("tag", "clockwise", "size"), [(270, 90, (64, 128)), (180, 180, (128, 64)), (90, 270, (64, 128))]
)
def test_a_turned_picture_has_the_size_that_is_shown(make_recording, probed, tmp_path, tag, clockwise, size, ffmpeg):
    # ffmpeg 5.1 writes the tag counter-clockwise; test_decode looks at the picture itself.
    path = tmp_path / "turned.mp4"
    ffmpeg("-i", make_recording("plain.mp4", seconds=1), "-c", "copy", "-metadata:s:v:0", f"rotate={tag}", path)
    video = probed(path).video
    assert (video.width, video.height) == size
    assert video.rotation == clockwise


def test_wide_pixels_widen_the_picture(make_recording, probed):
    video = probed(make_recording("wide.mp4", seconds=1, filters="setsar=4/3")).video
    assert (video.width, video.height) == (171, 64)


def test_cover_art_is_not_the_picture(make_recording, probed, tmp_path, ffmpeg):
    cover, path = tmp_path / "cover.jpg", tmp_path / "covered.mp4"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=320x240", "-frames:v", 1, cover)
    ffmpeg("-i", cover, "-i", make_recording("plain.mp4", seconds=1), "-map", 0, "-map", 1, "-c", "copy",
           "-disposition:v:0", "attached_pic", path)
    video = probed(path).video
    assert (video.codec, video.width) == ("h264", 128)


def test_a_variable_rate_is_told(make_recording, probed):
    recording = probed(make_recording("uneven.mp4", filters="select='not(mod(n,7))+lt(mod(n,10),4)'",
                                      extra=("-vsync", "vfr")))
    assert recording.video.is_variable_rate


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_told(make_recording, probed, transfer):
    codec = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-color_trc", transfer,
             "-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-x265-params", "log-level=0")
    video = probed(make_recording("hdr.mp4", seconds=1, codec=codec)).video
    assert video.is_hdr
    assert video.pix_fmt == "yuv420p10le"


def test_sound_alone_is_bad(probed, tmp_path, ffmpeg):
    path = tmp_path / "radio.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=440:d=1", path)
    with pytest.raises(BadRecordingError, match=r"radio\.mp4 has no picture, only audio"):
        probed(path)


def test_a_file_without_an_index_cannot_be_read(make_recording, probed, tmp_path):
    path = tmp_path / "half.mp4"
    path.write_bytes(make_recording("plain.mp4", sound="sine=440").read_bytes()[:3000])
    with pytest.raises(UnreadableRecordingError, match=r"half\.mp4 cannot be read: moov atom not found") as caught:
        probed(path)
    assert "\n" not in str(caught.value)


def test_a_capture_from_within_a_group_starts_at_its_first_whole_frame(make_recording, probed, tmp_path, number_in):
    # key frames:  0 ---------- 50 ---------- 100 ---------- 150
    # captured:           [undecodable)[shown ----------------)
    path = tmp_path / "capture.ts"
    whole = make_recording("whole.ts").read_bytes()
    path.write_bytes(whole[len(whole) // 5 // 188 * 188 :])
    recording = probed(path)
    frames = decode_frames(recording, 0, recording.duration_ms, fps=Fraction(25), width=128, height=64)
    numbers = [number_in(frame.pixels) for frame in frames]
    assert 0 < numbers[0] < 150
    assert numbers == list(range(numbers[0], 150))
    assert not recording.video.is_variable_rate


def test_names_with_odd_characters_are_just_names(make_recording, tmp_path):
    path = tmp_path / "-i 50% off; 'Été' & \"fils\" %03d.mp4"
    path.write_bytes(make_recording("plain.mp4", seconds=1).read_bytes())
    assert probe_recording(path, "").duration_ms == 1000


# --- the packets decide how long it is --------------------------------------------------------------------------------


def edited(make_recording, tmp_path, name, key, skip, value, **how):
    """A recording in whose header the number behind a key says something else."""
    content = bytearray(make_recording(name, sound="sine=440", **how).read_bytes())
    at = content.index(key) + len(key) + skip
    content[at : at + len(value)] = value
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_a_header_that_claims_another_length_is_not_believed(make_recording, probed, tmp_path):
    longer = struct.pack(">d", 240.0)
    cases = [
        edited(make_recording, tmp_path, "a.flv", b"duration\0", 0, longer, seconds=12, codec=("-c:v", "flv")),
        edited(make_recording, tmp_path, "a.mkv", b"\x44\x89\x88", 0, struct.pack(">d", 3_600_000.0), seconds=12),
        edited(make_recording, tmp_path, "a.avi", b"avih", 20, struct.pack("<I", 90_000), seconds=12,
               codec=("-c:v", "mpeg4")),
    ]
    assert [probed(path).duration_ms for path in cases] == pytest.approx([12_000] * 3, abs=20)


@pytest.mark.parametrize("name", ["on.ts", "on.mp4", "on.mkv"])
def test_sound_that_goes_on_does_not_make_it_longer(make_recording, probed, name):
    assert probed(make_recording(name, seconds=10, sound="sine=440:d=100")).duration_ms == 10_000


def test_the_whole_length_is_found_before_the_clock_begins_again(make_recording, probed):
    path = make_recording("before.ts", sound="sine=440", extra=("-output_ts_offset", "95400"))
    assert probed(path).duration_ms == 6000


def test_a_recording_of_more_than_a_day_is_refused(make_recording, monkeypatch):
    monkeypatch.setattr("touchline.video.probe.LONGEST_MS", 500)
    with pytest.raises(BadRecordingError, match="hours by its clock: cut it into matches"):
        probe_recording(make_recording("a.ts", seconds=1), "")


def test_a_file_of_hundreds_of_tracks_is_refused_within_seconds(make_recording, tmp_path):
    content = make_recording("plain.mp4", seconds=1).read_bytes()
    at = content.index(b"trak") - 4
    size = struct.unpack(">I", content[at : at + 4])[0]
    moov = content.index(b"moov") - 4
    moov_size = struct.unpack(">I", content[moov : moov + 4])[0] + 300 * size
    path = tmp_path / "tracks.mp4"
    path.write_bytes(content[:moov] + struct.pack(">I", moov_size) + content[moov + 4 : at]
                     + content[at : at + size] * 301 + content[at + size :])
    started = time.monotonic()
    with pytest.raises(UnreadableRecordingError, match=r"tracks\.mp4 cannot be read") as caught:
        probe_recording(path, "")
    assert time.monotonic() - started < 60
    assert "\n" not in str(caught.value)
