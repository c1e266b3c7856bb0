"""Of several sound tracks the first one in which something is heard is taken; channels without places are all heard."""

from __future__ import annotations

import numpy as np
import pytest

from touchline.steps.probe import probe
from touchline.steps.register import register_match
from touchline.video.audio import decode_audio
from touchline.video.complete import check_complete
from touchline.video.cut import ClipStyle, cut_clip

TONE = ("-f", "lavfi", "-i", "sine=1000:d=3,volume=4")
SILENCE = ("-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo:d=3")
HISS = ("-f", "lavfi", "-i", "anoisesrc=a=0.0004:d=3:seed=1")
PAUSE = ("-f", "lavfi", "-i", "aevalsrc=0.3*sin(6283*t)*lt(t\\,2):s=48000:d=3")
SHORT = ("-f", "lavfi", "-i", "sine=1000:d=0.2")
CHANNELS = {"three": 3, "twelve": 12, "sixteen": 16}


@pytest.fixture(scope="session")
def with_tracks(make_recording, ffmpeg, tmp_path_factory):
    def make(name, *sounds):
        target = tmp_path_factory.mktemp("tracks") / name
        inputs = [part for sound in sounds for part in sound]
        maps = [part for number in range(len(sounds)) for part in ("-map", number + 1)]
        ffmpeg("-i", make_recording("three.mp4", seconds=3), *inputs, "-map", "0:v", *maps, "-c:v", "copy", target)
        return target

    return make


@pytest.mark.parametrize(("name", "sounds", "track"), [
    ("first silent.mkv", (SILENCE, TONE), 2),
    ("first hisses.mp4", (HISS, TONE), 2),
    ("third.mkv", (SILENCE, SILENCE, TONE), 3),
    ("first pauses.mkv", (PAUSE, TONE), 1),
    ("first stops.ts", (SHORT, TONE), 2),
])  # fmt: skip
def test_the_first_track_that_is_heard_is_taken(with_tracks, probed, name, sounds, track):
    recording = probed(with_tracks(name, *sounds))
    assert (recording.audio.track, recording.audio.tracks) == (track, len(sounds))
    assert np.abs(np.concatenate(list(decode_audio(recording)))).max() > 0.1


def test_a_track_that_cannot_be_decoded_is_not_heard(with_tracks, probed, tmp_path):
    path = tmp_path / "unknown codec.mkv"
    content = with_tracks("two.mkv", TONE, TONE).read_bytes()
    assert content.count(b"A_VORBIS") + content.count(b"A_AAC") == 2
    at = content.index(b"A_VORBIS")
    path.write_bytes(content[:at] + b"A_TRUEHD" + content[at + 8 :])
    assert probed(path).audio.track == 2


def test_the_step_says_which_one(with_tracks, own_settings, capsys):
    path = own_settings.nas_mount_path / "obs.mkv"
    path.write_bytes(with_tracks("obs.mkv", SILENCE, TONE).read_bytes())
    probe(register_match([path], own_settings).match_id, own_settings)
    said = "'obs.mkv': sound track 2 of 2 is used, the first in which something is heard"
    assert said in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("channels", CHANNELS.values(), ids=CHANNELS)
def test_a_microphone_on_any_of_many_channels_is_heard(make_recording, probed, ffmpeg, tmp_path, channels):
    raw, path, clip = tmp_path / "sound.raw", tmp_path / "many.mkv", tmp_path / "clip.mkv"
    samples = np.zeros((3 * 48_000, channels), np.int16)
    samples[:, -1] = 20_000 * np.sin(2 * np.pi * 1000 * np.arange(len(samples)) / 48_000)
    raw.write_bytes(samples.tobytes())
    ffmpeg("-i", make_recording("three.mp4", seconds=3), "-f", "s16le", "-ar", 48_000, "-ac", channels, "-i", raw,
           "-c:v", "copy", "-c:a", "pcm_s16le", path)
    recording = probed(path)
    assert recording.audio.is_discrete
    for source in (recording, _clip(recording, clip, probed)):
        heard = np.concatenate(list(decode_audio(source)))
        assert np.abs(heard[8000:16_000]).max() == pytest.approx(20_000 / 32_768 / channels, rel=0.1)
    check_complete(path)


def _clip(recording, clip, probed):
    cut_clip(recording, 0, 2000, clip, ClipStyle(128, 64, recording.video.fps))
    return probed(clip)
