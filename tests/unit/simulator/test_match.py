"""What the labels say happened did happen on the pitch."""

import math
from collections import Counter

import numpy as np
import pytest

from touchline.domain.label import LABELS
from touchline.simulator.film import score_match
from touchline.simulator.match import play_match
from touchline.simulator.pitch import HALF_LENGTH_M, HALF_WIDTH_M, is_in_goal
from touchline.simulator.world import TOP_ACCELERATION

SECONDS = 180


@pytest.fixture(scope="module", params=[1, 7])
def played(request):
    """Events with the ball where it was, and the fastest change of speed of any player."""
    balls, acceleration, before = {}, 0.0, None
    for state in play_match(SECONDS, request.param):
        ball = state.world.ball
        balls[state.frame] = (ball.x, ball.y, ball.z)
        if before is not None and state.frame % 7 == 0:
            change = np.hypot(*(state.world.velocity - before).T).max()
            acceleration = max(acceleration, float(change) * 25)
        before = state.world.velocity.copy() if state.frame % 7 == 6 else None
    return state.events, balls, acceleration


def places(played, label):
    events, balls, _ = played
    return [balls[event.frame] for event in events if event.label == label]


def test_at_a_goal_the_ball_is_in_the_goal(played):
    assert places(played, "Goal")
    assert all(is_in_goal(*place) for place in places(played, "Goal"))


def test_a_kick_off_is_at_the_centre_spot(played):
    assert len(places(played, "Kick-off")) >= 2
    assert all(math.hypot(x, y) < 1.0 for x, y, _ in places(played, "Kick-off"))


def test_a_corner_is_taken_at_a_corner(played):
    assert all(
        abs(x) > HALF_LENGTH_M - 2 and abs(y) > HALF_WIDTH_M - 2 for x, y, _ in places(played, "Corner")
    )


def test_a_throw_in_is_taken_at_the_touchline(played):
    assert all(abs(y) > HALF_WIDTH_M - 1 for _, y, _ in places(played, "Throw-in"))


def test_a_save_is_made_in_front_of_the_goal(played):
    assert all(HALF_LENGTH_M - 4 < abs(x) < HALF_LENGTH_M + 1 and abs(y) < 5 for x, y, _ in places(played, "Save"))


def test_every_goal_is_followed_by_a_kick_off_or_the_end_of_a_half(played):
    events = sorted(played[0], key=lambda event: event.frame)
    for goal in (event for event in events if event.label == "Goal"):
        later = [event for event in events if event.frame > goal.frame and event.half == goal.half]
        assert not later or later[0].label == "Kick-off"


def test_a_shot_on_target_ends_in_a_goal_or_a_save(played):
    counts = Counter(event.label for event in played[0])
    assert counts["Shots on target"] == counts["Goal"] + counts["Save"]


def test_all_labels_are_known(played):
    assert {event.label for event in played[0]} <= set(LABELS)


def test_nobody_speeds_up_faster_than_people_can(played):
    assert 0 < played[2] < TOP_ACCELERATION + 0.1


def test_most_short_matches_have_a_goal_two_saves_and_enough_shots():
    scores = [Counter(event.label for event in score_match(SECONDS, seed).events) for seed in range(4)]
    assert sum(score["Goal"] >= 1 and score["Save"] >= 2 for score in scores) >= 3
    assert sum(score["Shots on target"] + score["Shots off target"] for score in scores) >= 4 * 5


def test_the_same_seed_gives_the_same_match_and_another_seed_another():
    assert score_match(60, 5).events == score_match(60, 5).events
    assert score_match(60, 5).events != score_match(60, 6).events
