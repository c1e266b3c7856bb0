from __future__ import annotations

import re

import pytest

from touchline.errors import BadRecordingError
from touchline.video.demuxer import SNIFFERS, input_argv, input_options, packet_layout, sniff_demuxer


@pytest.mark.parametrize(
    ("name", "codec", "demuxer"),
    [
        ("a.mp4", (), "mov"),
        ("a.mov", (), "mov"),
        ("a.mkv", (), "matroska"),
        ("a.ts", (), "mpegts"),
        ("a.m2ts", (), "mpegts"),
        ("a.mpg", ("-c:v", "mpeg2video"), "mpeg"),
        ("a.avi", ("-c:v", "mpeg4"), "avi"),
        ("a.flv", ("-c:v", "flv"), "flv"),
    ],
)
def test_names_the_demuxer_of_what_ffmpeg_wrote(make_recording, name, codec, demuxer):
    path = make_recording(name, seconds=1, codec=codec)
    assert sniff_demuxer(path) == demuxer


def test_a_wrong_extension_does_not_matter(make_recording, tmp_path):
    disguised = tmp_path / "match.mp4"
    disguised.write_bytes(make_recording("a.mkv", seconds=1, codec=()).read_bytes())
    assert sniff_demuxer(disguised) == "matroska"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"dear coach, the film follows\n", "text"),
        (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "text"),
        (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "text"),
        (bytes(5000), "zeros"),
        (b"\xff\xd8\xff\xe0 JFIF", "a photo"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "a picture"),
        (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), r"Windows Media file \(WMV, ASF\).*convert it to MP4"),
        (b"DHAV\xfd" + bytes(99), "Dahua.*recorder's own player"),
        (b"IMKH\x01\x01" + bytes(99), "Hikvision.*recorder's own player"),
        (bytes.fromhex("060e2b34020501010d010201"), "MXF"),
        (bytes.fromhex("000000016764000cacd94141"), "bare H.264"),
        (bytes.fromhex("000000014001"), "bare H.264 or H.265"),
        (bytes(3) + b"\x07odd stuff\xff", "in no format that touchline knows; it reads MP4"),
        (b"", "empty"),
    ],
)
def test_what_is_no_video_is_bad_in_one_line(tmp_path, content, reason):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(BadRecordingError, match=reason) as caught:
        sniff_demuxer(path)
    assert "x.mp4" in str(caught.value)
    assert not re.search(r"\b[0-9a-f]{2} [0-9a-f]{2}\b", str(caught.value))
    assert "\n" not in str(caught.value)


def test_a_foreign_format_is_named_whatever_the_file_is_called(tmp_path, ffmpeg):
    for name, codec, told in (("a.wmv", "wmv2", "Windows Media"), ("a.mxf", "mpeg2video", "MXF")):
        ffmpeg("-f", "lavfi", "-i", "color=red:s=128x64:d=0.2", "-c:v", codec, tmp_path / name)
        (tmp_path / name).rename(tmp_path / "match.mp4")
        with pytest.raises(BadRecordingError, match=told):
            sniff_demuxer(tmp_path / "match.mp4")


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    with pytest.raises(BadRecordingError, match="is not there"):
        sniff_demuxer(tmp_path / "gone.mp4")
    with pytest.raises(BadRecordingError, match="is a folder"):
        sniff_demuxer(tmp_path)


def test_only_files_can_be_opened_and_only_by_the_probed_demuxer():
    assert input_argv("/nas/a b.ts", "mpegts") == [
        "-f", "mpegts", "-protocol_whitelist", "file", "-max_streams", "64", "-i", "file:/nas/a b.ts"]
    assert " ".join(input_argv("/nas/a.mp4", "mov")).startswith(
        "-f mov -protocol_whitelist file -max_streams 64 -enable_drefs 0 -use_absolute_path 0 -i file:")
    options = input_options("/nas/a.ts", "mpegts", threads=2, start_us=1_500_000)
    assert options["protocol_whitelist"] == "file"
    assert options["f"] == "mpegts"
    assert options["ss"] == "1500000us"


@pytest.mark.parametrize("demuxer", ["hls", "concat", "dash", "image2", "sdp", "lavfi", "mov,mp4,m4a,3gp,3g2,mj2"])
def test_a_demuxer_that_is_not_on_the_list_is_refused(demuxer):
    assert demuxer not in SNIFFERS
    with pytest.raises(ValueError, match="not an allowed demuxer"):
        input_options("/nas/a.mp4", demuxer)


@pytest.mark.parametrize(("size", "lead"), [(188, 0), (192, 4), (204, 0)])
def test_finds_the_packets_of_a_transport_stream(size, lead):
    packet = bytes(lead) + b"G" + bytes(size - lead - 1)
    assert packet_layout(packet * 6) == (lead, size)
    assert packet_layout(bytes(1024)) is None
