"""The sound is as long as the picture, roars at goals and whistles where it should."""

import wave

import numpy as np

from touchline.simulator.ambience import Ambience, ambience_for, heard_noises
from touchline.simulator.sound import RATE_HZ, write_sound
from touchline.simulator.state import Noise


def samples(path):
    with wave.open(str(path)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)


def test_a_goal_is_louder_than_what_went_before(tmp_path):
    write_sound(tmp_path / "a.wav", 1, [Noise(100, "roar")], np.full(250, 0.1), Ambience())
    heard = samples(tmp_path / "a.wav")
    assert len(heard) == 10 * RATE_HZ
    assert heard[5 * RATE_HZ : 6 * RATE_HZ].std() > 3 * heard[2 * RATE_HZ : 3 * RATE_HZ].std()


def test_a_whistle_is_a_narrow_band_between_three_and_four_kilohertz(tmp_path):
    write_sound(tmp_path / "a.wav", 1, [Noise(50, "whistle")], np.full(100, 0.1), Ambience())
    heard = samples(tmp_path / "a.wav")[round(2.1 * RATE_HZ) : round(2.5 * RATE_HZ)]
    power = np.abs(np.fft.rfft(heard)) ** 2
    frequency = np.fft.rfftfreq(len(heard), 1 / RATE_HZ)
    assert 3000 < frequency[power.argmax()] < 4000


def test_silence_is_silent_and_what_is_beside_the_match_is_heard(tmp_path):
    quiet = Ambience(crowd=0.1, wind=0.5, voice=0.5, music=((100, 150),), silence=((200, 250),))
    write_sound(tmp_path / "a.wav", 1, [], np.full(300, 0.1), quiet)
    heard = samples(tmp_path / "a.wav")
    seconds = [heard[at * RATE_HZ : (at + 1) * RATE_HZ].std() for at in range(12)]
    assert seconds[8] == seconds[9] == 0
    assert min(seconds[:8]) > 0
    assert min(seconds[4:6]) > max(seconds[:4])


def test_some_goals_are_not_cheered_and_some_cheers_are_for_nothing():
    ambience = next(found for found in (ambience_for("phone", seed, 5400) for seed in range(20)) if found.others)
    goals = [Noise(frame, "roar") for frame in range(0, 100_000, 1000)]
    heard = heard_noises([*goals, Noise(5, "whistle")], ambience, 1)
    assert 0.2 < sum(noise in heard for noise in goals) / len(goals) < 1.0
    assert Noise(5, "whistle") in heard
    assert any(noise.kind == "whistle" and noise not in goals for noise in ambience.others)
    assert ambience_for("phone", 3, 180) == Ambience()
