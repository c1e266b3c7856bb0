from __future__ import annotations

import subprocess
import wave
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from touchline.video.concat import concat_clips, listing_text
from touchline.video.cut import ClipStyle, cut_argv, cut_clip
from touchline.video.decode import decode_frames
from touchline.video.ffmpeg_graph import Grid
from touchline.video.verify import decode_all, verify_video

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p", "-g", "50", "-threads", "1")
STYLE = ClipStyle(128, 64, Fraction(25), crf=10)
BEEP = "aevalsrc='if(between(t,2,2.2),0.8*sin(2*PI*1000*t),0)':s=48000"
KINDS = {
    "plain": {"name": "plain.mp4"},
    "thirty": {"name": "thirty.mkv", "fps": "30000/1001"},
    "transport": {"name": "late.ts", "extra": ("-output_ts_offset", "20")},
    "open groups": {"name": "open.mp4", "codec": (*X264, "-x264-params", "open-gop=1:bframes=3")},
    "fifty": {"name": "fifty.mp4", "fps": "50", "seconds": 4},
}


@pytest.fixture(scope="session")
def numbers_of(probed, number_in):
    def read(path, fps: Fraction) -> list[int]:
        recording = probed(path)
        frames = decode_frames(recording, 0, recording.duration_ms, fps=fps, width=128, height=64)
        return [number_in(frame.pixels) for frame in frames]

    return read


@pytest.fixture(params=KINDS, scope="session")
def recording(request, make_recording, probed):
    return probed(make_recording(**KINDS[request.param]))


@settings(max_examples=5, deadline=None)
@given(start_ms=st.integers(0, 3500), length_ms=st.integers(1, 2000))
def test_a_clip_begins_with_the_presented_frame_and_has_every_frame_once(
    tmp_path_factory, recording, numbers_of, start_ms, length_ms
):
    # frames:  |  n-1  |   n   |  n+1  | ...
    # clip:                ^ start: n is presented, so n comes first
    fps = recording.video.fps
    style = ClipStyle(128, 64, fps, crf=10)
    target = tmp_path_factory.mktemp("clips") / "clip.mkv"
    frames = cut_clip(recording, start_ms, start_ms + length_ms, target, style)
    first, end = (int((at_ms + 1) * fps / 1000) for at_ms in (start_ms, start_ms + length_ms))
    assert frames == max(1, end - first)
    last = round(recording.duration_ms * fps / 1000) - 1
    assert numbers_of(target, fps) == [min(first + number, last) for number in range(frames)]
    verify_video(target, frames, round(frames / fps * 1000))


@pytest.mark.parametrize(("fps", "expected"), [("25", 25), ("30000/1001", 30), ("50", 50), ("12.5", 12)])
def test_another_rate_gives_exactly_as_many_frames_as_fit(make_recording, probed, numbers_of, tmp_path, fps, expected):
    target = tmp_path / "clip.mkv"
    style = ClipStyle(128, 64, Fraction(fps), crf=10)
    assert cut_clip(probed(make_recording("plain.mp4")), 2000, 3000, target, style) == expected
    numbers = numbers_of(target, Fraction(fps))
    assert len(numbers) == expected
    assert numbers[0] == 50
    assert numbers == sorted(numbers)
    assert 72 <= numbers[-1] <= 75


def test_beyond_the_end_the_last_frame_stands(make_recording, probed, numbers_of, tmp_path):
    target = tmp_path / "clip.mkv"
    assert cut_clip(probed(make_recording("plain.mp4")), 5800, 6400, target, STYLE) == 15
    assert numbers_of(target, Fraction(25)) == [145, 146, 147, 148, *[149] * 11]


def test_the_sound_is_in_step_with_the_picture_and_exactly_as_long(make_recording, probed, tmp_path, ffmpeg):
    recording = probed(make_recording("beep.ts", sound=BEEP, extra=("-output_ts_offset", "20")))
    clip, sound = tmp_path / "clip.mkv", tmp_path / "clip.wav"
    cut_clip(recording, 1500, 3500, clip, STYLE)
    ffmpeg("-i", clip, "-vn", "-c", "copy", sound)
    with wave.open(str(sound)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 48_000, 96_000)
        samples = np.frombuffer(file.readframes(96_000), "<i2").reshape(-1, 2)[:, 0]
    assert np.flatnonzero(np.abs(samples) > 6000)[0] / 48 == pytest.approx(500, abs=25)


@pytest.mark.parametrize(("name", "start_ms"), [("mute.mp4", 500), ("short-sound.mkv", 500), ("short-sound.mkv", 4000)])
def test_where_there_is_no_sound_there_is_silence(make_recording, probed, tmp_path, ffmpeg, name, start_ms):
    source = make_recording("mute.mp4")
    if name == "short-sound.mkv":
        longer = tmp_path / name
        ffmpeg("-i", source, "-f", "lavfi", "-i", "sine=440:d=1", "-c:v", "copy", longer)
        source = longer
    clip = tmp_path / "clip.mkv"
    frames = cut_clip(probed(source), start_ms, 5500, clip, STYLE)
    assert frames == 5500 // 40 - start_ms // 40
    assert decode_all(clip).sound_ms == pytest.approx(frames * 40, abs=2)


def test_a_clip_keeps_the_shape_of_the_picture(make_recording, probed, tmp_path):
    clip = tmp_path / "clip.mkv"
    cut_clip(probed(make_recording("white.mp4", filters="drawbox=color=white:t=fill")), 0, 500, clip,
             ClipStyle(128, 128, Fraction(25)))
    frame = next(decode_frames(probed(clip), 0, 500, fps=Fraction(25), width=128, height=128))
    assert frame.pixels[:28].max() < 40
    assert frame.pixels[100:].max() < 40
    assert frame.pixels[36:92].min() > 220


def test_the_same_cut_is_the_same_file(make_recording, probed, tmp_path):
    recording = probed(make_recording("plain.mp4", sound="sine=440"))
    clips = [tmp_path / f"{number}.mkv" for number in range(3)]
    for clip in clips:
        cut_clip(recording, 1000, 4000, clip, STYLE)
    assert len({clip.read_bytes() for clip in clips}) == 1


def test_refuses_what_cannot_be_a_clip(make_recording, probed, tmp_path):
    recording = probed(make_recording("plain.mp4"))
    for start_ms, end_ms in ((2000, 2000), (3000, 2000), (6000, 7000), (-1, 100)):
        with pytest.raises(ValueError, match="is not a stretch"):
            cut_clip(recording, start_ms, end_ms, tmp_path / "clip.mkv", STYLE)
    with pytest.raises(ValueError, match="even"):
        ClipStyle(427, 360, Fraction(25))


def test_threads_and_demuxer_are_fixed_in_the_call(make_recording, probed, tmp_path):
    recording = probed(make_recording("plain.mp4"))
    argv = cut_argv(recording, Grid(Fraction(25), 0, 25), tmp_path / "clip.mkv", STYLE, 1)
    assert argv[0] == "ffmpeg"
    assert argv[argv.index("-protocol_whitelist") + 1] == "file"
    assert argv[argv.index("-f") + 1] == "mov"
    assert argv.count("-threads") == 2
    assert "-filter_complex_threads" in argv


# --- joining ---------------------------------------------------------------------------------------------------------


def test_clips_join_without_losing_or_shifting_a_frame(make_recording, probed, numbers_of, tmp_path):
    fps = Fraction(30000, 1001)
    style = ClipStyle(128, 64, fps, crf=10)
    sources = [probed(make_recording("thirty.mkv", fps="30000/1001")), probed(make_recording("beep.mp4", sound=BEEP)),
               probed(make_recording("late.ts", extra=("-output_ts_offset", "20")))]
    clips, frames, expected = [], 0, []
    cuts = [(0, 1000), (1500, 3500), (700, 733), (4000, 5001), (2000, 3000), (0, 999)]
    for number, (start_ms, end_ms) in enumerate(cuts):
        clip = tmp_path / f"it's clip {number}.mkv"
        frames += cut_clip(sources[number % 3], start_ms, end_ms, clip, style)
        clips.append(clip)
        expected += numbers_of(clip, fps)
    reel = tmp_path / "reel.mp4"
    concat_clips(clips, reel, fps)
    verify_video(reel, frames, round(frames / fps * 1000))
    recording = probed(reel)
    assert recording.video.fps == fps
    assert not recording.video.is_variable_rate
    assert recording.duration_ms == int(frames / fps * 1000)
    assert numbers_of(reel, fps) == expected
    assert len(expected) == frames


@pytest.mark.parametrize("rate", ["24000/1001", "24", "25", "30000/1001", "30", "50", "60000/1001", "60"])
def test_a_reel_names_the_rate_that_its_frames_have(make_recording, probed, tmp_path, rate):
    fps = Fraction(rate)
    clip, reel = tmp_path / "clip.mkv", tmp_path / "reel.mp4"
    frames = cut_clip(probed(make_recording("rate.mp4", fps=rate, seconds=2)), 500, 1500, clip,
                      ClipStyle(128, 64, fps, crf=30))
    concat_clips([clip, clip], reel, fps)
    verify_video(reel, 2 * frames, round(2000 * frames / fps))
    argv = ["ffprobe", "-v", "error", "-select_streams", "v", "-of", "csv=p=0", "-show_entries"]
    told = subprocess.check_output([*argv, "stream=r_frame_rate,avg_frame_rate", reel], text=True).strip().split(",")
    assert [Fraction(one) for one in told] == [fps, fps]


def test_clips_that_follow_each_other_show_every_frame_once(make_recording, probed, numbers_of, tmp_path):
    fps = Fraction(30000, 1001)
    recording, numbers = probed(make_recording("thirty.mkv", fps="30000/1001")), []
    for start_ms, end_ms in ((0, 777), (777, 1111), (1111, 1112), (1112, 2499), (2499, recording.duration_ms)):
        clip = tmp_path / f"{start_ms}.mkv"
        cut_clip(recording, start_ms, end_ms, clip, ClipStyle(128, 64, fps, crf=10))
        numbers += numbers_of(clip, fps)
    # [1111, 1112) holds no new frame, but no clip is empty
    assert [number for at, number in enumerate(numbers) if not at or number != numbers[at - 1]] == list(range(180))


def test_the_sound_does_not_drift_over_many_joins(make_recording, probed, tmp_path):
    from touchline.video.audio import decode_audio

    style = ClipStyle(128, 64, Fraction(30000, 1001), crf=30)
    clip = tmp_path / "clip.mkv"
    frames = cut_clip(probed(make_recording("beep.mp4", sound=BEEP)), 1900, 2900, clip, style)
    concat_clips([clip] * 40, tmp_path / "reel.mp4", style.fps)
    recording = probed(tmp_path / "reel.mp4")
    samples = np.abs(np.concatenate(list(decode_audio(recording))))
    for number in range(40):
        begin = float(number * frames / style.fps) + 0.1  # the beep starts 100 ms into each clip
        assert samples[int((begin + 0.03) * 16_000) : int((begin + 0.17) * 16_000)].max() > 0.3
        assert samples[max(0, int((begin - 0.07) * 16_000)) : int((begin - 0.03) * 16_000)].max() < 0.1


def test_a_reel_is_the_same_file_every_time_and_can_be_played_while_it_loads(make_recording, probed, tmp_path):
    clip = tmp_path / "clip.mkv"
    cut_clip(probed(make_recording("beep.mp4", sound=BEEP)), 1000, 2000, clip, STYLE)
    reels = [tmp_path / name for name in ("a.mp4", "b.mp4")]
    for reel in reels:
        concat_clips([clip, clip], reel, STYLE.fps)
    assert reels[0].read_bytes() == reels[1].read_bytes()
    assert reels[0].read_bytes().index(b"moov") < reels[0].read_bytes().index(b"mdat")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4", "clip.mkv"]


def test_clips_of_different_styles_are_refused(make_recording, probed, tmp_path):
    from touchline.errors import TouchlineError

    recording = probed(make_recording("plain.mp4"))
    clips = [tmp_path / "one.mkv", tmp_path / "two.mkv"]
    cut_clip(recording, 0, 1000, clips[0], STYLE)
    cut_clip(recording, 0, 1000, clips[1], ClipStyle(64, 64, Fraction(25)))
    with pytest.raises(TouchlineError, match="encoded differently"):
        concat_clips(clips, tmp_path / "reel.mp4", STYLE.fps)
    with pytest.raises(TouchlineError, match="no clips"):
        concat_clips([], tmp_path / "reel.mp4", STYLE.fps)


def test_a_listing_quotes_names(tmp_path):
    assert listing_text([tmp_path / "it's.mkv"]).splitlines()[1] == f"file '{tmp_path}/it'\\''s.mkv'"
