"""What the labels say happened did happen on the pitch."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from touchline.domain.label import LABELS
from touchline.simulator.film import score_match
from touchline.simulator.intentions import intend
from touchline.simulator.laws import is_offside
from touchline.simulator.match import play_match
from touchline.simulator.passing import send
from touchline.simulator.pitch import HALF_LENGTH_M, HALF_WIDTH_M, is_in_goal
from touchline.simulator.restarts import begin, penalty_spot, step_restart
from touchline.simulator.state import Phase, State
from touchline.simulator.tempo import DENSE
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


@pytest.fixture(scope="module")
def strict():
    """A match in which every rare thing is frequent: its states are seen one by one."""
    tempo = replace(DENSE, booked_share=0.95, sent_off_share=0.3, injured_share=0.3, substitutions=(3, 3),
                    foul_share=0.9)
    sent_off, played_on = {}, []
    for state in play_match(900, 4, tempo):
        for row in state.gone:
            sent_off.setdefault(row, state.frame)
        played_on += [row for row in state.gone if row in (state.owner, state.receiver)]
    return state, sent_off, played_on


def test_who_is_sent_off_leaves_and_never_plays_again(strict):
    state, sent_off, played_on = strict
    cards = Counter(event.label for event in state.events)
    assert cards["Red card"] + cards["Yellow->red card"] == len(sent_off) > 0
    assert not played_on
    for row, frame in sent_off.items():
        if state.frame - frame > 60 * 25:
            assert abs(state.world.position[row, 1]) > HALF_WIDTH_M


def test_cards_and_changes_come_while_the_ball_rests(strict):
    labels = Counter(event.label for event in strict[0].events)
    assert labels["Substitution"] == 6
    assert labels["Yellow card"] > 1
    later = sorted(strict[0].events, key=lambda event: event.frame)
    restarts = {"Throw-in", "Goal kick", "Corner", "Direct free-kick", "Indirect free-kick", "Penalty"}
    for number, event in enumerate(later):
        if event.label in ("Substitution", "Yellow card", "Red card"):
            after = next((other.label for other in later[number + 1 :] if "card" not in other.label.lower()
                          and other.label != "Substitution"), None)
            assert after is None or after in restarts | {"Kick-off"}, (event, after)


def test_a_player_who_waits_behind_the_defence_is_offside():
    state = State(rng=np.random.default_rng(1), tempo=DENSE, shapes=("4-4-2", "4-4-2"))
    state.world.position[:11, 0], state.world.position[11:22, 0] = -20.0, 4.0
    state.world.position[11] = (50.0, 0.0)
    state.world.position[9] = (9.0, 3.0)
    state.phase, state.owner = Phase.OPEN, 5
    send(state, 5, 9, (9.0, 3.0), lofted=False)
    assert state.offside == {9}
    assert is_offside(state, 9)
    assert [event.label for event in state.events] == ["Offside"]
    assert state.restart.label == "Indirect free-kick"
    assert state.restart.team == 1


def test_nobody_is_offside_in_his_own_half_or_behind_the_ball():
    state = State(rng=np.random.default_rng(1), tempo=DENSE, shapes=("4-4-2", "4-4-2"))
    state.world.position[:11, 0], state.world.position[11:22, 0] = -20.0, -30.0
    state.world.position[9] = (-1.0, 3.0)
    send(state, 5, 9, (-1.0, 3.0), lofted=False)
    assert not state.offside
    state.world.position[9] = (20.0, 3.0)
    state.world.ball.place(22.0, 0.0)
    send(state, 5, 9, (20.0, 3.0), lofted=False)
    assert not state.offside


def test_a_penalty_is_shot_from_its_spot_with_all_others_outside_the_area():
    state = State(rng=np.random.default_rng(2), tempo=DENSE, shapes=("4-4-2", "4-3-3"))
    begin(state, "Penalty", *penalty_spot(1), 0)
    places, taker = state.restart.places, state.restart.taker
    border = HALF_LENGTH_M - 16.5
    assert {row for row in range(22) if places[row, 0] > border} == {taker, 11}
    while state.restart is not None:
        state.world.move(*intend(state))
        step_restart(state)
        state.frame += 1
    assert [event.label for event in state.events] == ["Penalty"]
    assert state.shot is not None and state.shot.shooter == taker
    assert math.hypot(state.world.ball.x - (HALF_LENGTH_M - 11.0), state.world.ball.y) < 1.5
