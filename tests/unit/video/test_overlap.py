from __future__ import annotations

import pytest

from touchline.errors import BadRecordingError
from touchline.video.overlap import overlap_ms, without_end

CROWD = "anoisesrc=c=pink:a=0.4:seed=7:r=48000"


@pytest.fixture(scope="module")
def part(make_recording, probed, ffmpeg, tmp_path_factory):
    """A stretch of one film of 40 s, its sound coded again."""
    folder = tmp_path_factory.mktemp("parts")

    def made(begin_s, end_s, sound=CROWD, codec="aac"):
        path = folder / f"{begin_s}-{end_s}-{codec}-{len(sound)}.mkv"
        if not path.exists():
            film = make_recording("film.mp4", seconds=40, sound=sound)
            ffmpeg("-i", film, "-ss", begin_s, "-to", end_s, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", codec,
                   path)
        return probed(path)

    return made


@pytest.mark.parametrize(("begin_s", "codec"), [(11, "aac"), (14.52, "aac"), (17.8, "mp2")])
def test_what_was_filmed_twice_is_heard(part, begin_s, codec):
    before, after = part(0, 20), part(begin_s, 30, codec=codec)
    assert overlap_ms(before, after) == pytest.approx(20_000 - begin_s * 1000, abs=40)


def test_parts_that_follow_each_other_or_are_apart_have_nothing_in_common(part):
    assert overlap_ms(part(0, 20), part(20, 40)) == 0
    assert overlap_ms(part(0, 20), part(25, 40)) == 0
    assert overlap_ms(part(20, 40), part(0, 20)) == 0


@pytest.mark.parametrize("sound", ["sine=440:r=48000", "anullsrc=r=48000",
                                   "aevalsrc='if(lt(mod(t,1),0.02),0.8*sin(2*PI*1000*t),0)':s=48000"])
def test_a_tone_silence_and_what_repeats_tell_nothing(part, sound):
    assert overlap_ms(part(0, 20, sound), part(10, 30, sound)) == 0


def test_what_is_more_than_half_of_a_recording_is_left_alone(part):
    assert overlap_ms(part(0, 20), part(3, 30)) == 0
    assert overlap_ms(part(0, 20), part(0, 20)) == 0


def test_without_sound_nothing_is_known(part, make_recording, probed):
    mute = probed(make_recording("mute.mp4"))
    assert overlap_ms(mute, part(0, 20)) == overlap_ms(part(0, 20), mute) == 0


def test_two_recordings_of_one_thing_are_no_parts(make_recording, probed, ffmpeg, tmp_path):
    for name, begin_s, end_s in (("one.mkv", 0, 90), ("two.mkv", 20, 100)):
        ffmpeg("-f", "lavfi", "-i", "color=s=64x36:r=5:d=100", "-f", "lavfi", "-i", f"{CROWD}:d=100", "-ss", begin_s,
               "-to", end_s, "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac", tmp_path / name)
    with pytest.raises(BadRecordingError, match=r"two\.mkv has the last 70 s of .*one\.mkv as well"):
        overlap_ms(probed(tmp_path / "one.mkv"), probed(tmp_path / "two.mkv"))


def test_a_recording_is_shortened_by_whole_frames(part):
    assert without_end(part(0, 20), 5_013) == 15_000 - 0
    assert without_end(part(0, 20), 5_030) == 14_960
