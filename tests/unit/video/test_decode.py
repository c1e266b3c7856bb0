from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from touchline.domain.recording import Recording
from touchline.errors import BadRecordingError
from touchline.video.decode import decode_frames, decode_two_sizes, grab_frame
from touchline.video.ffmpeg_graph import Grid

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p", "-g", "50", "-threads", "1")
X265 = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
SIZE = {"width": 64, "height": 32}
OPEN_GOP = (*X264, "-x264-params", "open-gop=1:bframes=3")
KINDS = {
    "plain": {"name": "plain.mp4"},
    "thirty": {"name": "thirty.mkv", "fps": "30000/1001"},
    "transport": {"name": "late.ts", "extra": ("-output_ts_offset", "20")},
    "open-groups": {"name": "open.mp4", "codec": OPEN_GOP},
    "open-groups-transport": {"name": "open.ts", "codec": OPEN_GOP},
    "mpeg2": {"name": "old.mpg", "codec": ("-c:v", "mpeg2video", "-bf", "2", "-q:v", "3", "-g", "40")},
    "avi": {"name": "old.avi", "codec": ("-c:v", "mpeg4", "-q:v", "3", "-g", "60")},
    "uneven": {"name": "uneven.mp4", "filters": "select='not(mod(n,7))+lt(mod(n,10),4)'", "extra": ("-vsync", "vfr")},
    "open-hevc": {"name": "hevc.mp4", "codec": (*X265, "-x265-params", "log-level=0:keyint=50:open-gop=1:pools=1")},
    "intra-refresh": {"name": "refresh.mp4", "codec": (*X264, "-x264-params", "intra-refresh=1:keyint=40")},
    "fragments": {"name": "fragments.mp4", "extra": ("-movflags", "+frag_keyframe+empty_moov")},
    "one-group": {"name": "long-group.mp4", "codec": (*X264, "-g", "1000")},
}


@pytest.fixture(params=[*KINDS, "edit-list"], scope="session")
def recording(request, make_recording, probed) -> Recording:
    path = make_recording.edit_list(1.3) if request.param == "edit-list" else make_recording(**KINDS[request.param])
    return probed(path)


@pytest.fixture(scope="session")
def whole():
    """All frames of a recording on a grid, decoded once."""
    known: dict[tuple[str, Fraction], dict[int, bytes]] = {}

    def decode(recording: Recording, fps: Fraction) -> dict[int, bytes]:
        key = (recording.path, fps)
        if key not in known:
            frames = decode_frames(recording, 0, recording.duration_ms, fps=fps, **SIZE)
            known[key] = {frame.recording_ms: frame.pixels.tobytes() for frame in frames}
        return known[key]

    return decode


@settings(max_examples=6, deadline=None)
@given(start_ms=st.integers(0, 6000), length_ms=st.integers(0, 1500), fps=st.sampled_from([5, 12, 25, 50]))
def test_a_moment_has_the_same_pixels_wherever_reading_begins(recording, whole, start_ms, length_ms, fps):
    frames = list(decode_frames(recording, start_ms, start_ms + length_ms, fps=Fraction(fps), **SIZE))
    frames_of_all = whole(recording, Fraction(fps)).items()
    expected = {at: pixels for at, pixels in frames_of_all if start_ms <= at < start_ms + length_ms}
    assert {frame.recording_ms: frame.pixels.tobytes() for frame in frames} == expected


@settings(max_examples=4, deadline=None)
@given(first=st.integers(-9, 60), count=st.integers(1, 40), every=st.integers(1, 12),
       full=st.sampled_from([(64, 32), (10, 4), (32, 64)]))
def test_small_and_full_pictures_come_from_one_pass_and_are_those_of_two(recording, first, count, every, full):
    fps, small = Fraction(25), (16, 8)
    pictures = list(decode_two_sizes(recording, Grid(fps, first, first + count), small=small, full=full, every=every))
    at = [max(0, first) * 40, max(0, first + count) * 40]
    for place, size in ((1, small), (2, full)):
        alone = decode_frames(recording, *at, fps=fps, width=size[0], height=size[1])
        expected = {frame.recording_ms // 40: frame.pixels.tobytes() for frame in alone}
        if place == 2:
            expected = {number: one for number, one in expected.items() if (number - first) % every == 0}
        assert {one[0]: one[place].tobytes() for one in pictures if one[place] is not None} == expected


def test_a_grid_holds_every_moment_once_and_in_order(recording, whole):
    moments = list(whole(recording, Fraction(5)))
    assert moments == list(range(0, recording.duration_ms, 200))


@pytest.mark.parametrize(("name", "fps"), [("plain.mp4", "25"), ("thirty.mkv", "30000/1001"), ("fifty.ts", "50")])
@pytest.mark.parametrize("grid", ["5", "25", "10"])
def test_a_moment_shows_the_frame_that_is_nearest(make_recording, probed, name, fps, grid, number_in):
    # frames 25/s:   0    1    2    3    4    5    6 ...
    # grid 5/s:      0                        1
    recording = probed(make_recording(name, fps=fps, seconds=4))
    for frame in decode_frames(recording, 0, 4000, fps=Fraction(grid), width=128, height=64):
        exact = round(frame.recording_ms * Fraction(grid) / 1000) / Fraction(grid) * Fraction(fps)
        assert abs(number_in(frame.pixels) - exact) <= Fraction(1, 2) + Fraction(1, 10)


def test_at_its_own_rate_every_frame_comes_exactly_once(make_recording, probed, number_in):
    recording = probed(make_recording("thirty.mkv", fps="30000/1001"))
    numbers = [number_in(frame.pixels) for frame in
               decode_frames(recording, 0, 10_000, fps=recording.video.fps, width=128, height=64)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) == 180


def test_frames_before_an_edit_list_are_not_shown(make_recording, probed, number_in):
    recording = probed(make_recording.edit_list(1.3))
    numbers = [number_in(frame.pixels) for frame in
               decode_frames(recording, 0, 10_000, fps=Fraction(25), width=128, height=64)]
    assert numbers[0] in (32, 33)
    assert numbers == list(range(numbers[0], 150))


def test_a_still_picture_is_held_until_the_next(make_recording, probed, number_in):
    # one frame per second: 0 at 0 s, 25 at 1 s, 50 at 2 s
    recording = probed(make_recording("slides.mp4", filters="select='not(mod(n,25))'", extra=("-vsync", "vfr")))
    frames = decode_frames(recording, 1300, 2600, fps=Fraction(10), width=128, height=64)
    assert [number_in(frame.pixels) for frame in frames] == [25] * 7 + [50] * 6


def test_both_ends_stay_within_the_recording(make_recording, probed):
    recording = probed(make_recording("plain.mp4"))
    frames = list(decode_frames(recording, -500, 99_000, fps=Fraction(2), **SIZE))
    assert [frame.recording_ms for frame in frames] == list(range(0, 6000, 500))
    assert not list(decode_frames(recording, 6000, 7000, fps=Fraction(2), **SIZE))
    assert not list(decode_frames(recording, 3000, 3000, fps=Fraction(2), **SIZE))


def test_the_size_is_the_asked_one_and_a_picture_is_turned_upright(make_recording, probed, tmp_path, ffmpeg):
    path = tmp_path / "turned.mp4"
    source = make_recording("half.mp4", seconds=1, filters="drawbox=w=iw:h=ih/2:color=white:t=fill")
    ffmpeg("-i", source, "-c", "copy", "-metadata:s:v:0", "rotate=270", path)
    recording = probed(path)
    assert recording.video.rotation == 90
    frame = next(decode_frames(recording, 0, 1000, fps=Fraction(5), width=40, height=80))
    assert frame.pixels.shape == (80, 40, 3)
    # Turned clockwise, what was above is on the right.
    assert frame.pixels[:, 30:].mean() > 200
    assert frame.pixels[:, :10].mean() < 140


def test_colours_come_in_the_asked_order(make_recording, probed):
    recording = probed(make_recording("red.mp4", seconds=1, filters="drawbox=color=red:t=fill"))
    rgb = next(decode_frames(recording, 0, 1000, fps=Fraction(5), **SIZE)).pixels
    bgr = next(decode_frames(recording, 0, 1000, fps=Fraction(5), pix_fmt="bgr24", **SIZE)).pixels
    assert rgb[..., 0].mean() > 200
    assert rgb[..., 2].mean() < 60
    assert np.array_equal(rgb[..., ::-1], bgr)
    with pytest.raises(ValueError, match="pix_fmt"):
        next(decode_frames(recording, 0, 1000, fps=Fraction(5), pix_fmt="yuv420p", **SIZE))


def test_leaving_early_is_no_error(make_recording, probed):
    frames = decode_frames(probed(make_recording("plain.mp4")), 0, 6000, fps=Fraction(25), **SIZE)
    assert len(list(itertools.islice(frames, 3))) == 3
    frames.close()


def test_a_picture_that_ends_far_too_early_is_told(make_recording, probed, tmp_path):
    from dataclasses import replace

    recording = replace(probed(make_recording("plain.mp4")), duration_ms=60_000)
    with pytest.raises(BadRecordingError, match=r"only to 6\.0 s"):
        list(decode_frames(recording, 0, 60_000, fps=Fraction(5), **SIZE))


def test_a_grabbed_picture_is_the_one_at_that_moment(make_recording, probed, tmp_path, number_in):
    cv2 = pytest.importorskip("cv2")
    recording = probed(make_recording("thirty.mkv", fps="30000/1001"))
    for at_ms, number in ((0, 0), (1000, 30), (5000, 150), (99_000, 179)):
        picture = cv2.imdecode(np.frombuffer(grab_frame(recording, at_ms, 256), np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (128, 256, 3)
        assert number_in(picture) == number


def test_hdr_comes_as_ordinary_colours(make_recording, probed):
    codec = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-color_trc", "smpte2084",
             "-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-x265-params", "log-level=0")
    recording = probed(make_recording("hdr.mp4", seconds=1, codec=codec))
    frame = next(decode_frames(recording, 0, 1000, fps=Fraction(5), **SIZE))
    assert frame.pixels.shape == (32, 64, 3)
    assert grab_frame(recording, 0, 64).startswith(b"\xff\xd8")
