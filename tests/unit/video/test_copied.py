from __future__ import annotations

import subprocess
import wave
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from touchline.video.coded import NotCopyableError, ParameterSets, read_coded
from touchline.video.concat import concat_clips
from touchline.video.copied import DEPTH, Picture, cut_copied, find_body, widened
from touchline.video.cut import ClipStyle
from touchline.video.decode import decode_frames
from touchline.video.edges import coded_pictures, find_copying
from touchline.video.verify import verify_video

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p", "-threads", "1",
        "-sc_threshold", "0")
BEEP = "aevalsrc='if(between(t,2,2.2),0.8*sin(2*PI*1000*t),0)':s=48000"
KINDS = {
    "a key frame each second, none reordered": {"name": "short.mp4", "codec": (*X264, "-g", "25", "-bf", "0")},
    "a pyramid of reordered frames": {"name": "pyramid.mp4", "codec": (*X264, "-g", "50", "-bf", "3")},
    "open groups": {"name": "open.mp4", "codec": (*X264, "-g", "50", "-x264-params", "open-gop=1:bframes=3")},
    "a transport stream that starts late": {"name": "late.ts", "codec": (*X264, "-g", "50"),
                                            "extra": ("-output_ts_offset", "20")},
    "29.97 in Matroska": {"name": "thirty.mkv", "fps": "30000/1001", "codec": (*X264, "-g", "60")},
    "fifty": {"name": "fifty.mp4", "fps": "50", "seconds": 4, "codec": (*X264, "-g", "100")},
    "baseline, full range": {"name": "base.mov", "codec": (*X264, "-pix_fmt", "yuvj420p", "-g", "50",
                                                           "-profile:v", "baseline")},
    "one key frame": {"name": "endless.mp4", "codec": (*X264, "-g", "250")},
}
REFUSED = {
    "hevc, not H.264": {"name": "new.mp4", "codec": ("-c:v", "libx265", "-x265-params", "log-level=none")},
    "its pictures are yuv420p10le": {"name": "ten.mp4", "codec": ("-c:v", "libx264", "-pix_fmt", "yuv420p10le")},
    "its pictures are yuv422p": {"name": "wide.mp4", "codec": ("-c:v", "libx264", "-pix_fmt", "yuv422p")},
    "interlaced": {"name": "fields.mp4", "codec": (*X264, "-flags", "+ilme+ildct", "-x264-params", "tff=1")},
    "do not come at a constant rate": {"name": "now-and-then.mp4", "codec": (*X264, "-fps_mode", "vfr"),
                                       "filters": "select='not(mod(floor(n/7),2))+not(mod(n,3))'"},
    "its pixels are not square": {"name": "dv.mp4", "filters": "setsar=16/11"},
}


@pytest.fixture(scope="session")
def pictures_of(probed):
    """The frames of a video, as they are."""

    def read(path, fps: Fraction) -> list[np.ndarray]:
        recording = probed(path)
        frames = decode_frames(recording, 0, recording.duration_ms, fps=fps, width=128, height=64)
        return [frame.pixels.copy() for frame in frames]

    return read


def _style(recording):
    return ClipStyle(recording.video.width, recording.video.height, recording.video.fps, crf=10, threads=1)


@pytest.fixture(params=KINDS, scope="session")
def source(request, make_recording, probed, pictures_of):
    """A recording that can be copied, how, and its frames."""
    path = make_recording(**KINDS[request.param])
    recording = probed(path)
    return recording, find_copying([recording], _style(recording)), pictures_of(path, recording.video.fps)


@settings(max_examples=3, deadline=None)
@given(cuts=st.lists(st.tuples(st.integers(0, 3500), st.integers(1, 2400)), min_size=1, max_size=3))
def test_a_reel_of_copies_has_the_planned_frames(tmp_path_factory, source, pictures_of, number_in, cuts):
    recording, copying, frames = source
    fps, folder = recording.video.fps, tmp_path_factory.mktemp("clips")
    clips, expected = [], []
    for number, (start_ms, length_ms) in enumerate(cuts):
        clips.append(folder / f"{number}.mov")
        first, end = (int((at_ms + 1) * fps / 1000) for at_ms in (start_ms, start_ms + length_ms))
        count = cut_copied(recording, start_ms, start_ms + length_ms, clips[-1], copying)
        assert count == max(1, end - first)
        expected += [min(first + one, len(frames) - 1) for one in range(count)]
    reel = folder / "reel.mp4"
    concat_clips(clips, reel, fps, depth=DEPTH)
    shown = pictures_of(reel, fps)
    assert [number_in(picture) for picture in shown] == expected
    verify_video(reel, len(expected), round(len(expected) / fps * 1000))


@pytest.mark.parametrize("kind", ["a key frame each second, none reordered", "a pyramid of reordered frames",
                                  "a transport stream that starts late"])
def test_only_the_edges_are_encoded(make_recording, probed, tmp_path, kind):
    # key frames at 0, 50, 100; clip [40, 140): the edge [40, 50) is coded again, and at most a few frames at the end
    recording = probed(make_recording(**KINDS[kind]))
    cut_copied(recording, 1600, 5600, tmp_path / "clip.mov", find_copying([recording], _style(recording)))
    source = {one.without_sets for one in coded_pictures(recording, 0) if not one.is_sets}
    copied = [one.data in source for one in coded_pictures(probed(tmp_path / "clip.mov"), 0) if not one.is_sets]
    assert len(copied) == 100
    assert not any(copied[:10])
    assert all(copied[10:96])


def test_a_reel_names_all_its_parameter_sets_in_its_header_and_nowhere_else(make_recording, probed, tmp_path):
    # "avc1" (ISO/IEC 14496-15) has none between the pictures: players of phones look only into the header
    recording = probed(make_recording(**KINDS["a transport stream that starts late"]))
    copying = find_copying([recording], _style(recording))
    cut_copied(recording, 1600, 5600, tmp_path / "clip.mov", copying)
    concat_clips([tmp_path / "clip.mov"], tmp_path / "reel.mp4", Fraction(25), depth=DEPTH)
    sets, *pictures = coded_pictures(probed(tmp_path / "reel.mp4"), 0)
    assert ParameterSets.of(sets.data) == copying.sets
    assert len(copying.sets.sequence) == 2
    assert len(pictures) == 100
    assert {unit[0] & 31 for one in pictures for unit in one.units()} <= {1, 5, 6}
    asked = ["ffprobe", "-v", "error", "-select_streams", "v", "-of", "csv=p=0", "-show_entries"]
    told = subprocess.check_output([*asked, "stream=codec_tag_string,start_time", tmp_path / "reel.mp4"], text=True)
    assert told.strip() == "avc1,0.000000"


def test_the_sound_of_a_copy_is_in_step_and_exactly_as_long(make_recording, probed, tmp_path, ffmpeg):
    recording = probed(make_recording("beep.ts", sound=BEEP, extra=("-output_ts_offset", "20")))
    clip, sound = tmp_path / "clip.mov", tmp_path / "clip.wav"
    cut_copied(recording, 1500, 3500, clip, find_copying([recording], _style(recording)))
    ffmpeg("-i", clip, "-vn", "-c", "copy", sound)
    with wave.open(str(sound)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 48_000, 96_000)
        samples = np.frombuffer(file.readframes(96_000), "<i2").reshape(-1, 2)[:, 0]
    assert np.flatnonzero(np.abs(samples) > 6000)[0] / 48 == pytest.approx(500, abs=25)


def test_the_same_copy_is_the_same_file(make_recording, probed, tmp_path):
    recording = probed(make_recording("plain.mp4", sound="sine=440"))
    clips = [tmp_path / f"{number}.mov" for number in range(2)]
    for clip in clips:
        cut_copied(recording, 1000, 4100, clip, find_copying([recording], _style(recording)))
    assert clips[0].read_bytes() == clips[1].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.mov", "1.mov"]


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_copied_exactly_is_refused_with_its_reason(make_recording, probed, why):
    recording = probed(make_recording(**REFUSED[why]))
    with pytest.raises(NotCopyableError, match=rf"{why} \({recording.path.rpartition('/')[2]}\)"):
        find_copying([recording], _style(recording))


def test_a_picture_that_is_turned_or_scaled_is_not_copied(make_recording, probed):
    recording = probed(make_recording("plain.mp4"))
    turned = replace(recording, video=replace(recording.video, rotation=90))
    with pytest.raises(NotCopyableError, match="it is turned"):
        find_copying([turned], _style(recording))
    with pytest.raises(NotCopyableError, match="another size"):
        find_copying([recording], replace(_style(recording), width=64))
    with pytest.raises(NotCopyableError, match="another rate"):
        find_copying([recording], replace(_style(recording), fps=Fraction(50)))


def test_parameter_sets_without_a_free_number_leave_no_room_for_edges(make_recording, probed, monkeypatch):
    recording = probed(make_recording("plain.mp4"))
    monkeypatch.setattr(ParameterSets, "numbers", property(lambda _: frozenset(range(32))))
    with pytest.raises(NotCopyableError, match="all numbers of parameter sets are taken"):
        find_copying([recording], _style(recording))


def test_recordings_of_two_cameras_are_not_copied_into_one_reel(make_recording, probed):
    ours, theirs = (probed(make_recording(**KINDS[kind])) for kind in list(KINDS)[:2])
    style = _style(ours)
    assert find_copying([ours, ours], style) == find_copying([ours], style)
    with pytest.raises(NotCopyableError, match="in different ways"):
        find_copying([ours, theirs], style)


def test_a_clip_over_a_change_of_the_parameter_sets_has_every_frame(make_recording, probed, pictures_of, tmp_path,
                                                                     ffmpeg, number_in):
    first = make_recording("first.ts", codec=(*X264, "-g", "50", "-bf", "0"), seconds=3)
    other = make_recording("other.ts", codec=(*X264, "-g", "50", "-bf", "2", "-refs", "4"), seconds=3)
    (tmp_path / "list").write_text(f"file '{first}'\nfile '{other}'\n")
    ffmpeg("-f", "concat", "-safe", "0", "-i", tmp_path / "list", "-c", "copy", tmp_path / "both.ts")
    recording = probed(tmp_path / "both.ts")
    cut_copied(recording, 1000, 5000, tmp_path / "clip.mov", find_copying([recording], _style(recording)))
    concat_clips([tmp_path / "clip.mov"], tmp_path / "reel.mp4", Fraction(25), depth=DEPTH)
    numbers = [number_in(one) for one in pictures_of(tmp_path / "reel.mp4", Fraction(25))]
    assert numbers == [*range(25, 75), *range(50)]


@pytest.mark.parametrize("container", ["ts", "mkv", "mp4"])
def test_edges_after_a_change_of_size_show_the_whole_picture(make_recording, probed, pictures_of, tmp_path, ffmpeg,
                                                              number_in, container):
    codec = (*X264, "-g", "50", "-bf", "0")
    first = make_recording("small.ts", codec=codec, seconds=2)
    other = make_recording("large.ts", codec=codec, seconds=2, filters="scale=256:128")
    (tmp_path / "list").write_text(f"file '{first}'\nfile '{other}'\n")
    both = tmp_path / f"both.{container}"
    ffmpeg("-f", "concat", "-safe", "0", "-i", tmp_path / "list", "-c", "copy", both)
    recording = probed(both)
    cut_copied(recording, 1000, 3800, tmp_path / "clip.mov", find_copying([recording], _style(recording)))
    concat_clips([tmp_path / "clip.mov"], tmp_path / "reel.mp4", Fraction(25), depth=DEPTH)
    numbers = [number_in(one) for one in pictures_of(tmp_path / "reel.mp4", Fraction(25))]
    assert numbers == [*range(25, 50), *range(45)]


@pytest.mark.parametrize("kind", ["a pyramid of reordered frames", "a transport stream that starts late"])
def test_a_widened_stretch_is_copied_whole(make_recording, probed, tmp_path, kind):
    # key frames at 0, 2 and 4 s
    recording = probed(make_recording(**KINDS[kind]))
    copying = find_copying([recording], _style(recording))
    assert widened(recording, 1600, 5000, (0, 6000), copying)[0] == 0
    assert widened(recording, 1600, 5000, (400, 6000), copying) == (1600, 5000)
    start_ms, end_ms = widened(recording, 3100, 5000, (1100, 6000), copying)
    assert start_ms == 2000
    assert 5000 <= end_ms <= 5160
    assert widened(recording, 3100, 5000, (1100, 5000), copying) in ((2000, 5000), (2000, end_ms))
    assert widened(recording, 3100, 6000, (1100, 6000), copying) == (2000, 6000)
    cut_copied(recording, start_ms, end_ms, tmp_path / "clip.mov", copying)
    source = {one.without_sets for one in coded_pictures(recording, 0) if not one.is_sets}
    copied = [one.data in source for one in coded_pictures(probed(tmp_path / "clip.mov"), 0) if not one.is_sets]
    assert all(copied)
    assert len(copied) == (end_ms - start_ms) / 40


def _coded(*frames, keys=()):
    return [Picture(frame, frame in keys, 0, 0) for frame in frames]


def test_a_body_begins_at_an_idr_picture_and_ends_where_no_frame_is_missing():
    #        order of decoding: 0 | 2 1 | 4 3 | 5 | 7 6 | 8 ...; key frames 0 and 8
    coded = _coded(0, 2, 1, 4, 3, 5, 7, 6, 8, 10, 9, 12, 11, 14, 13, 16, 15, keys=(0, 8))
    assert [one.frame for one in find_body(coded, 0, 10)] == [0, 2, 1, 4, 3, 5, 7, 6, 8]
    assert [one.frame for one in find_body(coded, 1, 17)] == [8, 10, 9, 12, 11, 14, 13, 16, 15]
    assert [one.frame for one in find_body(coded, 1, 16)] == []  # 7 frames: 8 to 14
    assert find_body(coded, 9, 17) == []
    assert find_body([], 0, 10) == []


@pytest.mark.parametrize("then", [(8, 9, 10), (10, 11, 12), (-1, 9, 10), (16, 15, 14, 13, 12, 11, 10, 9)])
def test_a_body_ends_before_what_is_double_missing_early_or_too_deep(then):
    assert [one.frame for one in find_body(_coded(*range(9), *then, keys=(0,)), 0, 20)] == list(range(9))


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(1, 50))
def test_hostile_bytes_are_refused_or_read_never_worse(data, size):
    for text in (data, b"FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00" + data):
        try:
            for one in read_coded([text[at : at + size] for at in range(0, len(text), size)]):
                if one.is_sets:
                    assert ParameterSets.of(ParameterSets.of(one.data).record).numbers
                else:
                    assert one.is_idr in (True, False)
        except NotCopyableError:
            pass
    with pytest.raises(NotCopyableError):
        ParameterSets.of(data[:5])
