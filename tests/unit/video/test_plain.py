import json
from dataclasses import replace
from fractions import Fraction

import pytest

from touchline.domain.recording import AudioStream, Recording, VideoStream
from touchline.errors import DamagedResultError
from touchline.video.plain import recording_from_plain, recording_to_plain

VIDEO = VideoStream(0, "h264", "yuv420p", 1920, 1080, Fraction(30000, 1001), Fraction(3, 2), rotation=90)
AUDIO = AudioStream(1, "aac", 48000, 2, Fraction(-23, 1000))
RECORDING = Recording("/nas/a.mp4", 123, "ab" * 32, "mov", 5_400_000, VIDEO, AUDIO)


@pytest.mark.parametrize("recording", [RECORDING, replace(RECORDING, audio=None)])
def test_comes_back_from_json_as_it_was(recording):
    assert recording_from_plain(json.loads(json.dumps(recording_to_plain(recording)))) == recording


def test_fractions_are_written_with_their_denominator():
    plain = recording_to_plain(replace(RECORDING, video=replace(VIDEO, fps=Fraction(25))))
    assert plain["video"]["fps"] == "25/1"
    assert plain["video"]["start_s"] == "3/2"


@pytest.mark.parametrize("damage", [{"video": None}, {"video": {}}, {"surprise": 1}, {"audio": {"index": 1}}])
def test_a_damaged_entry_says_what_to_do(damage):
    with pytest.raises(DamagedResultError, match="run probe again"):
        recording_from_plain(recording_to_plain(RECORDING) | damage)
