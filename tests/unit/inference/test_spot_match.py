"""A match is spotted stretch by stretch, each with the sound of its own time."""

from fractions import Fraction

import numpy as np
import pytest

from support.filmed_field import glance_of
from touchline.domain.recording import AudioStream, Recording, VideoStream
from touchline.inference.sight_features import SoundSteps, sight_features
from touchline.inference.spot_match import sound_from, spot_match
from touchline.seeing.settle import settle

RAMP = SoundSteps(500, np.arange(40.0), np.arange(40.0) / 100, np.arange(40.0) / 200)


@pytest.fixture(scope="module")
def spotter(save_spotter, tmp_path_factory):
    return save_spotter(tmp_path_factory.mktemp("spotter"))


def recording(duration_ms: int, *, heard: bool = True) -> Recording:
    video = VideoStream(0, "h264", "yuv420p", 1280, 720, Fraction(25), Fraction(0))
    audio = AudioStream(1, "aac", 48_000, 2, Fraction(0)) if heard else None
    return Recording("/nas/a.mp4", 1, "f" * 64, "mov", duration_ms, video, audio)


def test_a_gap_and_the_next_recording_begin_a_new_stretch(spotter):
    #  recordings |0 ......... 3000|3000 ......... 7000|
    #  steps       0 200 .. 1000   2000 ............ 4000
    glances = [glance_of(step) for step in (*range(6), *range(10, 21), 90)]
    recordings = [recording(3000), recording(4000, heard=False)]
    found = list(spot_match(reversed(glances), RAMP, recordings, spotter).stretches)
    assert [(one.start_ms, len(one.sights)) for one in found] == [(0, 6), (2000, 5), (3000, 6)]
    for stretch in found:
        for spotting in stretch.spottings:
            assert stretch.start_ms <= spotting.match_ms < stretch.start_ms + 200 * len(stretch.sights)


def test_no_glances_are_no_stretches(spotter):
    assert list(spot_match([], RAMP, [recording(3000)], spotter).stretches) == []


def test_each_step_hears_its_own_time():
    glances = [glance_of(step) for step in range(25)]
    [sights] = settle([glances], 16 / 9).stretches
    whole = sight_features(sights, sound_from(RAMP, 0, 25)).steps
    np.testing.assert_allclose(sight_features(sights, RAMP).steps, whole, atol=1e-6)
    later = sound_from(RAMP, 1400, 5)
    np.testing.assert_allclose(later.surge, np.interp(np.arange(1500, 2500, 200), np.arange(40) * 500 + 250,
                                                      RAMP.surge))


def test_where_there_is_no_sound_nothing_is_heard():
    assert sound_from(SoundSteps(500, [], [], []), 0, 5) is None
