"""A match that several cameras watch at once, and what one would see and hear of it."""

from dataclasses import replace

import numpy as np
import pytest

from touchline.seeing.sight import Sight
from touchline.simulator.ambience import Ambience
from touchline.simulator.film import score_match, watch_match
from touchline.simulator.hearing import hear
from touchline.simulator.sights import CLEAR, KEEPERS, draw_noise, part_of, sights_of
from touchline.simulator.sound import write_sound
from touchline.simulator.state import Noise
from touchline.simulator.watching import ANY, HEIGHT, WIDTH, restlessness, watch_cameras
from touchline.spotting.signals import listen

SECONDS = 12


@pytest.fixture(scope="module")
def watched():
    return watch_cameras(SECONDS, 3, [("broadcast", 3), (ANY, 5)])


def test_the_cameras_change_nothing_in_the_match(watched):
    assert watched[0].events == score_match(SECONDS, 3).events


def test_a_television_camera_shows_what_it_shows_alone(watched):
    alone = [seen for _, _, seen, _ in watch_match(SECONDS, 3, "broadcast", WIDTH, HEIGHT, every=5)]
    assert len(watched[1][0].cuts) == len(alone) == 5 * SECONDS
    for step in (0, 20, 59):
        seen = watched[1][0].seen(step)
        assert seen.people == alone[step].people
        assert [box[1:] for box in seen.boxes] == [pytest.approx(box[1:], abs=0.06) for box in alone[step].boxes]


def test_a_restless_director_shows_somebody_for_no_reason_but_not_in_frozen_matches():
    restless = next(seed for seed in range(50) if restlessness(seed) > 2)
    calm = next(seed for seed in range(50) if restlessness(seed) == 0)
    _, (often, never, frozen) = watch_cameras(60, 3, [("broadcast", seed) for seed in (restless, calm, 900_501)])
    assert often.cuts.sum() > never.cuts.sum()
    assert restlessness(900_501) == 0
    people = [int(one.starts[-1]) for one in (often, frozen)]
    assert people[0] < people[1]


def test_clear_sights_tell_what_is_there_and_noisy_ones_err(watched):
    clear = list(sights_of(watched[1][0], CLEAR, 1))
    noisy = list(sights_of(watched[1][0], draw_noise(1), 1))
    assert len(clear) == len(noisy) == 5 * SECONDS
    assert all(one.camera is not None and one.ball is not None and -1 not in one.shirts for one in clear)
    assert [len(one.people) for one in clear] != [len(one.people) for one in noisy]
    assert 0.2 < np.mean([one.grass for one in clear]) < 1


def test_what_is_heard_without_a_sample_is_what_the_scan_hears(tmp_path):
    import wave

    noises = [Noise(50, "whistle"), Noise(120, "roar"), Noise(60, "thud")]
    arguments = (1, noises, np.full(300, 0.3), Ambience(crowd=0.5, wind=0.3, voice=0.4))
    write_sound(tmp_path / "a.wav", *arguments)
    with wave.open(str(tmp_path / "a.wav")) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
    spectrum = np.fft.rfft(samples)
    real = listen([np.fft.irfft(spectrum[: len(samples) // 4 + 1], len(samples) // 2).astype(np.float32) / 2], 24)
    heard = hear(*arguments)
    assert 10 * np.log10(heard.power) == pytest.approx(real.loudness_db, abs=1.0)
    assert set(np.flatnonzero(heard.whistle > 0.4)) <= set(np.flatnonzero(real.whistle > 0))
    assert heard.whistle[4] > 0.4


def test_a_part_of_the_picture_shows_what_lies_in_it_larger():
    people = np.array([[0.5, 0.4, 0.52, 0.5], [0.1, 0.4, 0.12, 0.5], [0.7, 0.68, 0.72, 0.78]], np.float32)
    whole = Sight(people, np.array([0, 1, 2], np.int8), (0.5, 0.4), (0.1, 0.0, 1.0), False, 0.5)
    part = part_of(whole, 0.5, 0.5, 0.5)
    np.testing.assert_allclose(part.people, [[0.5, 0.3, 0.54, 0.5], [0.9, 0.86, 0.94, 1.0]], atol=1e-6)
    assert part.shirts.tolist() == [0, 2]
    assert part.ball == pytest.approx((0.5, 0.3))
    assert part.camera == pytest.approx((0.2, 0.0, 1.0))
    assert part.grass == pytest.approx(0.75)
    assert part_of(whole, 0.5, 0.0, 1.0).ball is None


def test_keepers_are_missed_for_a_while():
    _, [watched] = watch_cameras(40, 3, [(ANY, 5)])
    noise = CLEAR[0], replace(CLEAR[1], keepers_missed=0.6)
    found, clear = ([np.isin(one.shirts, KEEPERS).sum() for one in sights_of(watched, how, 1)]
                    for how in (noise, CLEAR))
    assert 0 < sum(found) < sum(clear)
    assert len(found) == len(clear) == 200


def test_shirts_that_look_alike_are_taken_for_each_other_all_match_long(watched):
    clear = list(sights_of(watched[1][0], CLEAR, 1))
    alike = list(sights_of(watched[1][0], (CLEAR[0], replace(CLEAR[1], taken_for=((2, 0), (4, -1)))), 1))
    for one, other in zip(clear, alike, strict=True):
        assert other.shirts.tolist() == [{2: 0, 4: -1}.get(shirt, shirt) for shirt in one.shirts.tolist()]
