"""From glances to sights: one ball among distractors, people followed past gaps, shirts told apart."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from support.filmed_field import glance_of
from touchline.domain.detection import Detection
from touchline.errors import DamagedResultError
from touchline.seeing.ball import ball_path
from touchline.seeing.camera import carry
from touchline.seeing.glance import glance, glance_from_plain, plain_glance
from touchline.seeing.settle import settle
from touchline.seeing.sight import SHIRTS, keepers
from touchline.seeing.tracks import follow_people

ASPECT = 16 / 9
RED, BLUE, YELLOW, BLACK = (90, 190, 160), (90, 150, 70), (200, 118, 200), (10, 128, 128)


def settled(glances):
    [sights] = settle([glances], ASPECT).stretches
    return sights


def test_the_ball_is_what_moves_on_and_not_what_flashes_or_sticks_to_the_picture():
    rng = np.random.default_rng(1)
    ball, glances, true = np.array([[0.2, 0.6]]), [], []
    for step in range(40):
        camera = (0.02, 0.0, 0.0)
        ball = carry(ball, camera) + np.array([-0.012, 0.002]) if step else ball
        true.append(ball[0].copy())
        logo, flash = (0.9, 0.1, 0.4), (*rng.uniform(0.1, 0.9, 2), 0.2)
        seen = [(*ball[0], 0.15)] if step % 4 != 3 else []
        glances.append(glance_of(step, people=[(0.5, 0.7, 0.1)], balls=[logo, flash, *seen], camera=camera))
    path = ball_path(glances, ASPECT)
    right = [found is not None and np.hypot(*(np.array(found) - place)) < 0.02
             for found, place in zip(path, true, strict=True)]
    wrong = sum(found is not None for found in path) - sum(right)
    assert sum(right) >= 36
    assert wrong <= 2


def test_a_single_weak_candidate_is_not_a_ball_and_a_single_strong_one_is():
    weak, strong = ([glance_of(step, balls=[(0.5, 0.5, score)] if step == 2 else []) for step in range(5)]
                    for score in (0.1, 0.7))
    assert ball_path(weak, ASPECT) == [None] * 5
    assert ball_path(strong, ASPECT)[2] == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize(("scores", "counted"), [
    ((0.15,) * 2, False), ((0.15,) * 3, True), ((0.3, 0.15), True), ((0.3,), False), ((0.5,), True)])
def test_who_is_never_seen_surely_has_to_be_seen_more_often(scores, counted):
    glances = [replace(glance_of(step, people=[(0.3 + 0.01 * step, 0.6, 0.1)]), scores=np.array([score], np.float32))
               for step, score in enumerate(scores)]
    assert bool(len(settled(glances)[0].people)) == counted


def test_an_unsure_second_box_on_somebody_is_nobody():
    def person(x, score):
        return Detection("player", score, x, 0.4, x + 0.05, 0.6)

    picture = np.full((90, 160, 3), (60, 140, 50), np.uint8)
    found = [person(*one) for one in ((0.5, 0.15), (0.52, 0.2), (0.51, 0.9), (0.53, 0.3), (0.7, 0.12), (0.8, 0.05))]
    seen = glance(0, picture, picture, found, None, False)
    assert seen.scores.tolist() == pytest.approx([0.9, 0.3, 0.12])


def test_a_sure_box_is_followed_before_an_unsure_one_that_lies_nearer():
    first = glance_of(0, people=[(0.5, 0.6, 0.1)])
    both = replace(glance_of(1, people=[(0.503, 0.6, 0.1), (0.53, 0.6, 0.1)]), scores=np.array([0.15, 0.8], np.float32))
    [track, other] = follow_people([first, both])
    assert track.boxes[1][0] == pytest.approx(0.53 - 0.1 / 8)
    assert other.best_score == pytest.approx(0.15)


def test_steps_that_nobody_looked_at_show_what_lies_between_two_looks():
    every, half = [], []
    for step in range(13):
        x = 0.2 + 0.012 * step + 0.001 * max(0, step - 6) ** 2
        camera = (0.01, 0.0, 0.0) if step else None
        place = (x + 0.01 * step, 0.6)
        every.append(glance_of(step, people=[(*place, 0.1)], balls=[(place[0] + 0.01, 0.6, 0.4)], camera=camera))
        half.append(every[-1] if step % 2 == 0 else
                    replace(glance_of(step, camera=camera), is_looked=False))
    for whole, part in zip(settled(every), settled(half), strict=True):
        np.testing.assert_allclose(part.people, whole.people, atol=0.002)
        assert part.ball == pytest.approx(whole.ball, abs=0.002)


def test_who_is_gone_at_the_next_look_is_held_until_then():
    glances = [glance_of(step, people=[(0.5, 0.6, 0.1)] if step < 3 else []) for step in range(6)]
    glances[3] = replace(glances[3], is_looked=False)
    assert [len(sight.people) for sight in settled(glances)] == [1, 1, 1, 1, 0, 0]


def test_a_ball_does_not_go_on_over_a_cut():
    glances = [glance_of(step, balls=[(0.5, 0.5, 0.11)], is_cut=step == 2, camera=None if step == 2 else (0, 0, 0))
               for step in range(4)]
    assert ball_path(glances, ASPECT) == [None] * 4


def test_people_are_followed_in_a_pan_and_past_a_missed_step():
    glances, place = [], np.array([[0.2, 0.6], [0.25, 0.62]])
    for step in range(12):
        camera = (0.06, 0.0, 0.0) if step else (0.0, 0.0, 0.0)
        place = carry(place, camera) + ([[0.004, 0], [-0.004, 0]] if step else 0)
        people = [(x, y, 0.12) for x, y in place]
        glances.append(glance_of(step, people=people[: 1 if step == 6 else 2], camera=camera))
    tracks = follow_people(glances)
    assert sorted(len(track.boxes) for track in tracks) == [12, 12]
    second = next(track for track in tracks if len(track.kits) == 11)
    assert second.boxes[6][3] == pytest.approx(0.62, abs=0.01)
    assert [len(sight.people) for sight in settled(glances)] == [2] * 12


def test_nobody_is_followed_over_a_cut():
    glances = [glance_of(step, people=[(0.5, 0.6, 0.2)], is_cut=step == 3) for step in range(6)]
    assert [sorted(track.boxes) for track in follow_people(glances)] == [[0, 1, 2], [3, 4, 5]]


def test_nobody_and_no_ball_is_followed_from_one_stretch_into_the_next():
    glances = [glance_of(step, people=[] if step == 3 else [(0.5, 0.6, 0.2)],
                         balls=[] if step == 3 else [(0.5 + step / 100, 0.5, 0.5)], camera=(0.0, 0.0, 0.0))
               for step in range(6)]
    whole = settled(glances)
    assert len(whole[3].people) == 1
    assert whole[3].ball is not None
    first, second = settle([glances[:4], glances[4:]], ASPECT).stretches
    assert [len(first), len(second)] == [4, 2]
    assert len(first[3].people) == 0
    assert first[3].ball is None
    assert second[0].camera == (0.0, 0.0, 0.0)
    assert not second[0].is_cut


def test_shirts_are_told_apart_over_all_stretches():
    glances = list(match_in_view())
    whole = settled(glances)
    parts = settle([glances[:9], glances[9:11], glances[11:]], ASPECT).stretches
    for one, other in zip(whole, (sight for part in parts for sight in part), strict=True):
        assert sorted(one.shirts) == sorted(other.shirts)
    assert {keepers(sight) for sight in whole} == {1}


def match_in_view(steps: int = 30):
    """Eight red and seven blue players, red's keeper in yellow at the left, a referee in black between them."""
    rng = np.random.default_rng(2)
    x = np.concatenate([rng.uniform(0.2, 0.6, 8), rng.uniform(0.4, 0.9, 7), [0.05], [0.5]])
    y = np.concatenate([np.linspace(0.35, 0.9, 8), np.linspace(0.4, 0.95, 7), [0.6], [0.3]])
    kits = np.array([RED] * 8 + [BLUE] * 7 + [YELLOW, BLACK])
    for step in range(steps):
        here = x + 0.002 * step
        shaken = np.clip(kits + rng.normal(0, 6, kits.shape), 0, 255)
        yield glance_of(step, people=list(zip(here, y, [0.08] * 17, strict=True)), kits=shaken)


def test_two_kits_are_two_teams_and_keeper_and_referee_are_told_by_place():
    counted = np.array([np.bincount(sight.shirts, minlength=len(SHIRTS)) for sight in
                        settled(list(match_in_view()))])
    assert dict(zip(SHIRTS, counted.mean(axis=0), strict=True)) == {
        "home": 8, "away": 7, "home keeper": 1, "away keeper": 0, "referee": 1, "other": 0}


def test_the_colours_of_the_shirts_are_told_once_for_the_match():
    kits = settle([list(match_in_view())], ASPECT).kits
    assert set(kits) == {"home", "away", "home keeper"}
    for name, lab in (("home", RED), ("away", BLUE), ("home keeper", YELLOW)):
        rgb = np.frombuffer(bytes.fromhex(kits[name][1:]), np.uint8).reshape(1, 1, 3)
        np.testing.assert_allclose(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).ravel(), lab, atol=6)
    assert settle([[glance_of(0, people=[(0.3, 0.6, 0.1)])]], ASPECT).kits == {}


def test_shirts_are_unknown_where_there_are_no_two_teams():
    glances = [glance_of(step, people=[(0.3, 0.6, 0.1), (0.6, 0.7, 0.1)]) for step in range(5)]
    assert all((sight.shirts == -1).all() for sight in settled(glances))


def test_no_glances_are_no_sights():
    assert settle([], ASPECT).stretches == []
    (nothing,) = settled([glance_of(0)])
    assert nothing.people.shape == (0, 4)
    assert nothing.ball is None


def test_a_glance_is_the_same_after_it_was_written_down():
    one = glance_of(7, people=[(0.3, 0.6, 0.1)], balls=[(0.5, 0.25, 0.125)], camera=(0.125, -0.5, -0.031))
    again = glance_from_plain(plain_glance(one))
    np.testing.assert_allclose(again.people, one.people, atol=0.0005)
    np.testing.assert_array_equal(again.kits, one.kits)
    assert again.balls.tolist() == [[0.5, 0.25, 0.125, 1.0]]
    assert again.camera == one.camera
    assert plain_glance(again) == plain_glance(one)


@pytest.mark.parametrize("change", [{"people": [1, 2, 3]}, {"people": [-5] * 8}, {"people": [0] * 8008},
                                    {"balls": [10**30] * 4}, {"camera": [1, 2]}, {"camera": [0, 0, 10**6]},
                                    {"camera": "up"}, {"grass": None}, {"match_ms": []}])
def test_a_glance_of_another_form_is_damaged(change):
    plain = plain_glance(glance_of(0, people=[(0.3, 0.6, 0.1)])) | change
    with pytest.raises(DamagedResultError, match="a glance of an unexpected form"):
        glance_from_plain(plain)


def test_a_spot_on_the_pitch_is_not_the_ball_though_it_is_seen_better():
    spot, ball, glances = np.array([[0.3, 0.5]]), np.array([[0.6, 0.7]]), []
    for step in range(20):
        camera = (0.01, 0.0, 0.0)
        spot, ball = carry(spot, camera), carry(ball, camera) + np.array([-0.02, 0.0])
        glances.append(glance_of(step, people=[(0.5, 0.7, 0.1)], balls=[(*spot[0], 0.3), (*ball[0], 0.2)],
                                 camera=camera))
    path = ball_path(glances, ASPECT)
    assert sum(found is not None and found[1] > 0.6 for found in path) >= 19
