"""The sound is as long as the picture, roars at goals and whistles where it should."""

import wave

import numpy as np

from touchline.simulator.sound import RATE_HZ, write_sound
from touchline.simulator.state import Noise


def samples(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)


def test_a_goal_is_louder_than_what_went_before(tmp_path):
    write_sound(tmp_path / "a.wav", 1, [Noise(100, "roar")], np.full(250, 0.1))
    heard = samples(tmp_path / "a.wav")
    assert len(heard) == 10 * RATE_HZ
    assert heard[5 * RATE_HZ : 6 * RATE_HZ].std() > 3 * heard[2 * RATE_HZ : 3 * RATE_HZ].std()


def test_a_whistle_is_a_narrow_band_between_three_and_four_kilohertz(tmp_path):
    write_sound(tmp_path / "a.wav", 1, [Noise(50, "whistle")], np.full(100, 0.1))
    heard = samples(tmp_path / "a.wav")[round(2.1 * RATE_HZ) : round(2.5 * RATE_HZ)]
    power = np.abs(np.fft.rfft(heard)) ** 2
    frequency = np.fft.rfftfreq(len(heard), 1 / RATE_HZ)
    assert 3000 < frequency[power.argmax()] < 4000
