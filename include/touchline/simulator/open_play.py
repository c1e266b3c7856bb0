"""One frame of open play: carry, pass, shoot, tackle, touch, and what happens when the ball leaves the pitch."""

from __future__ import annotations

import math

import numpy as np

from touchline.simulator import laws, restarts
from touchline.simulator.passing import best_pass, clear, cross, send
from touchline.simulator.pitch import (
    BALL_RADIUS_M,
    HALF_LENGTH_M,
    HALF_WIDTH_M,
    PENALTY_AREA_DEPTH_M,
    PENALTY_AREA_HALF_WIDTH_M,
    bound,
    is_in_goal,
)
from touchline.simulator.shooting import block, catch_in_net, parry, settle_shot, take_shot
from touchline.simulator.state import Phase, State
from touchline.simulator.world import FPS, KEEPERS, team_of

SHOOT_WITHIN_M = 21.0
LATE_SHOOT_WITHIN_M = 29.0
TOUCH_M = 0.95
HEAD_M = 2.3
TACKLE_M = 1.4
TACKLE_PER_FRAME = 0.022
LOOSE_SHARE = 0.6
"""Of the challenges that are won: the ball runs free."""
DEFLECTED_SHARE = 0.4
"""Of the passes that an opponent gets to and does not stop."""
OUTWARDS_SHARE = 0.7
BLOCKED_CROSS_SHARE = 0.35
BLOCKS_WITHIN_M = 5.0
LOOSE_AGAIN_FRAMES = 20
"""A ball that nobody was to get may be tried for again after this."""
WIDE_M = 15.0
CROSS_WITHIN_M = 27.0
CROSS_SHARE = 0.7
HEADED_AT_GOAL_SHARE = 0.22
HEADED_AWAY_SHARE = 0.7
"""Of the high balls in front of their goal that defenders get to; the others they take."""
BEHIND_SHARE = 0.45
"""Of the high balls close to their goal that defenders get to: they play them over the goal line."""
EAGER_DEFENCE = 0.45
"""A side that is due to shoot finds its opponents this much less able to win the ball."""
NO_SHOT_BEFORE_WHISTLE_S = 3
OFFSIDE_GOAL_SHARE = 0.3
"""Of the shots while the flag waits: who was offside is through. So now and then a goal is disallowed."""


def step_open(state: State) -> None:
    """Move the ball and let players act on it."""
    if state.owner is not None:
        _carry(state, state.owner)
        _challenge(state, state.owner)
        if state.owner is not None:
            _decide(state, state.owner)
        return
    state.world.ball.step()
    if _end_shot(state) or _leave_pitch(state):
        return
    _touch(state)


def wants_shot(state: State) -> bool:
    """Is it time that somebody shoots?"""
    return state.shot_due <= state.frame < state.half_ends - NO_SHOT_BEFORE_WHISTLE_S * FPS


def _carry(state: State, owner: int) -> None:
    """Keep the ball at the feet, or in the hands, of its owner."""
    world, ball = state.world, state.world.ball
    x, y = world.position[owner]
    heading = world.heading[owner]
    if state.in_hands:
        ball.place(float(x + 0.3 * math.cos(heading)), float(y + 0.3 * math.sin(heading)), 1.15)
        world.arms[owner] = 0.45
        return
    reach = 0.55 + 0.18 * math.sin(world.stride[owner])
    want_x, want_y = x + reach * math.cos(heading), y + reach * math.sin(heading)
    ball.vx, ball.vy = (float(v) for v in world.velocity[owner])
    ball.vz = 0.0
    ball.x += bound(want_x - ball.x, -0.45, 0.45)
    ball.y += bound(want_y - ball.y, -0.45, 0.45)
    ball.z = max(BALL_RADIUS_M, ball.z - 0.15)


def _challenge(state: State, owner: int) -> None:
    """The nearest opponent may win the ball, or foul."""
    if state.in_hands or owner in KEEPERS:
        return
    x, y = (float(v) for v in state.world.position[owner])
    opponent = state.nearest(x, y, list(state.outfield(1 - team_of(owner))))
    gap = float(np.hypot(*(state.world.position[opponent] - state.world.position[owner])))
    chance = TACKLE_PER_FRAME * (EAGER_DEFENCE if wants_shot(state) else 1.0)
    if gap > TACKLE_M or state.rng.random() > chance:
        return
    state.world.kick[opponent] = 0.8
    if state.rng.random() < state.tempo.foul_share and laws.call_foul(state, opponent, owner):
        return
    if state.rng.random() < LOOSE_SHARE:
        _knock_loose(state, opponent if state.rng.random() < 0.6 else owner)
    else:
        _control(state, opponent)


def _knock_loose(state: State, last: int) -> None:
    """The ball runs away from a challenge: often towards the touchline, where players push each other."""
    rng, ball = state.rng, state.world.ball
    speed = float(rng.uniform(3.0, 12.0))
    if rng.random() < OUTWARDS_SHARE:
        direction = float(rng.normal(math.copysign(math.pi / 2, ball.y), 0.5))
    else:
        direction = float(rng.uniform(-math.pi, math.pi))
    ball.kick((speed * math.cos(direction), speed * math.sin(direction), float(rng.uniform(0.0, 3.0))))
    state.owner, state.receiver, state.last_touch, state.in_hands = None, None, last, False
    state.landing, state.kicked_at, state.tried, state.offside = _ball_xy(state), state.frame, set(), set()


def _decide(state: State, owner: int) -> None:
    """Shoot, clear, pass or run on."""
    if owner in KEEPERS:
        if state.frame >= state.decide_at:
            _distribute(state, owner)
        return
    through = state.flagged == team_of(owner)
    if (through or wants_shot(state)) and _can_shoot(state, owner):
        take_shot(state, owner, "goal" if through and state.rng.random() < OFFSIDE_GOAL_SHARE else "")
        return
    if through or state.frame < state.decide_at:
        return
    world, team = state.world, team_of(owner)
    x, y = (float(v) for v in world.position[owner])
    opponent = state.nearest(x, y, list(state.outfield(1 - team)))
    pressure = float(np.hypot(*(world.position[opponent] - (x, y))))
    depth = HALF_LENGTH_M - x * state.attack(team)
    if abs(y) > WIDE_M and depth < CROSS_WITHIN_M and state.rng.random() < CROSS_SHARE:
        cross(state, owner)
        if pressure < BLOCKS_WITHIN_M and state.rng.random() < BLOCKED_CROSS_SHARE:
            _deflect_out(state, opponent)
    elif x * state.attack(team) < -HALF_LENGTH_M + 20 and pressure < 3.0 and state.rng.random() < 0.3:
        clear(state, owner)
    elif pressure > 5.0 and state.rng.random() < 0.4:
        state.decide_at = state.at(float(state.rng.uniform(0.4, 1.2)))
    else:
        receiver, target, lofted = best_pass(state, owner, eager=wants_shot(state))
        send(state, owner, receiver, target, lofted)


def _can_shoot(state: State, owner: int) -> bool:
    x, y = (float(v) for v in state.world.position[owner])
    overdue = state.frame - state.shot_due > 6 * FPS
    within = LATE_SHOOT_WITHIN_M if overdue else SHOOT_WITHIN_M
    depth = HALF_LENGTH_M - x * state.attack(team_of(owner))
    return state.distance_to_goal(owner) < within and abs(y) < 5 + depth * 0.9 and depth > 4


def _distribute(state: State, keeper: int) -> None:
    """A keeper rolls the ball to a defender or kicks it long."""
    if state.rng.random() < 0.5:
        receiver = int(state.rng.choice(list(state.outfield(team_of(keeper)))[4:]))
        x, y = (float(v) for v in state.world.position[receiver])
        send(state, keeper, receiver, (x, y), lofted=True)
    else:
        receiver, target, lofted = best_pass(state, keeper, eager=False)
        send(state, keeper, receiver, target, lofted)


def _end_shot(state: State) -> bool:
    """Goal, save, block or nothing yet."""
    ball, shot = state.world.ball, state.shot
    if shot is not None and shot.blocker is not None and block(state):
        state.emit("Shots off target", team_of(shot.shooter), shot.frame)
        state.shot, state.last_touch, state.receiver, state.kicked_at = None, shot.blocker, None, state.frame
        state.landing, state.tried, state.offside = _ball_xy(state), set(), set()
        state.sound("thud")
        return True
    ending = settle_shot(state)
    if shot is not None and ending is not None:
        team = team_of(shot.shooter)
        keeper = KEEPERS[1 - team]
        state.emit("Shots on target", team, shot.frame)
        state.emit("Save", 1 - team)
        state.shot, state.last_touch = None, keeper
        state.sound("clap")
        if state.flagged is not None:
            laws.call_offside(state, state.flagged)
        elif ending == "held":
            _hold(state, keeper)
        else:
            parry(state)
            state.sound("thud")
            state.kicked_at, state.receiver = state.frame, None
        return True
    if is_in_goal(ball.x, ball.y, ball.z):
        if state.flagged is not None:
            _disallow(state)
        else:
            _goal(state)
        return True
    return False


def _disallow(state: State) -> None:
    """In the net, but offside: the crowd roars all the same."""
    shot = state.shot
    team = team_of(shot.shooter if shot is not None else state.last_touch)
    if shot is not None:
        state.emit("Shots on target", team, shot.frame)
    state.sound("roar")
    catch_in_net(state)
    laws.call_offside(state, team)


def _hold(state: State, keeper: int) -> None:
    state.owner, state.in_hands, state.receiver = keeper, True, None
    state.decide_at = state.at(state.draw(state.tempo.keeper_holds_s))


def _goal(state: State) -> None:
    """Whoever touched it: the goal counts for the side that attacks this end."""
    side = 1 if state.world.ball.x > 0 else -1
    team = 0 if state.goal_side(0) == side else 1
    if state.shot is not None:
        state.emit("Shots on target", team, state.shot.frame)
    state.emit("Goal", team)
    state.score[team] += 1
    state.scorer = state.shot.shooter if state.shot else state.nearest(*_ball_xy(state), list(state.outfield(team)))
    state.shot, state.owner, state.receiver = None, None, None
    state.phase, state.resume_at = Phase.CELEBRATION, state.at(state.draw(state.tempo.celebration_s))
    state.sound("roar")
    state.sound("late whistle")
    catch_in_net(state)


def _ball_xy(state: State) -> tuple[float, float]:
    return state.world.ball.x, state.world.ball.y


def _leave_pitch(state: State) -> bool:
    """Stop the play when the whole ball has crossed a line; choose the restart."""
    ball = state.world.ball
    over_end = abs(ball.x) > HALF_LENGTH_M + BALL_RADIUS_M
    over_side = abs(ball.y) > HALF_WIDTH_M + BALL_RADIUS_M
    if not (over_end or over_side):
        return False
    touched = team_of(state.last_touch)
    if state.shot is not None:
        state.emit("Shots off target", touched, state.shot.frame)
        state.sound("groan")
    if state.flagged is not None:
        laws.call_offside(state, state.flagged)
        return True
    state.emit("Ball out of play", touched)
    if over_end and not (over_side and abs(ball.x) < abs(ball.y) + HALF_LENGTH_M - HALF_WIDTH_M):
        defending = 0 if state.goal_side(1) == math.copysign(1, ball.x) else 1
        if touched == defending:
            restarts.begin(state, "Corner", *restarts.corner_spot(ball.x, ball.y), 1 - defending)
        else:
            restarts.begin(state, "Goal kick", *restarts.goal_kick_spot(ball.x, ball.y), defending)
    else:
        restarts.begin(state, "Throw-in", *restarts.throw_spot(ball.x, ball.y), 1 - touched)
    return True


def _touch(state: State) -> None:
    """Whoever is at the ball may take it; a shot on its way is left to the keeper."""
    world, ball = state.world, state.world.ball
    if state.shot is not None or ball.z > HEAD_M:
        return
    if state.receiver is None and state.frame - state.kicked_at > LOOSE_AGAIN_FRAMES:
        state.tried, state.kicked_at = set(), state.frame
    away = np.hypot(world.position[:22, 0] - ball.x, world.position[:22, 1] - ball.y)
    for row in np.argsort(away)[:4]:
        person = int(row)
        if away[person] > TOUCH_M + (0.5 if person in KEEPERS else 0.0):
            return
        if person in state.gone or (person == state.last_touch and state.frame - state.kicked_at < 14):
            continue
        if person in state.tried and person != state.receiver:
            continue
        if person in state.offside and laws.is_offside(state, person):
            return
        if _takes(state, person):
            _control(state, person)
            return
        if team_of(person) != team_of(state.last_touch) and state.rng.random() < DEFLECTED_SHARE:
            _deflect(state, person)
            return


def _deflect_out(state: State, person: int) -> None:
    """A defender turns a ball over his own goal line, or the touchline beside it."""
    ball, rng = state.world.ball, state.rng
    side = -state.attack(team_of(person))
    ball.kick((side * float(rng.uniform(7.0, 13.0)), math.copysign(float(rng.exponential(4.0)), ball.y),
               float(rng.uniform(0.5, 4.0))))
    state.owner, state.last_touch, state.receiver, state.kicked_at = None, person, None, state.frame
    state.landing, state.tried, state.offside = _ball_xy(state), {person}, set()
    state.sound("thud")


def _deflect(state: State, person: int) -> None:
    """The ball changes its way on somebody who does not get it."""
    ball, rng = state.world.ball, state.rng
    turn, kept = float(rng.normal(0.0, 0.7)), float(rng.uniform(0.35, 0.8))
    vx, vy = ball.vx * kept, ball.vy * kept
    ball.kick((vx * math.cos(turn) - vy * math.sin(turn), vx * math.sin(turn) + vy * math.cos(turn),
               max(0.0, ball.vz) + float(rng.uniform(0.0, 2.5))))
    state.last_touch, state.receiver, state.kicked_at = person, None, state.frame
    state.landing, state.offside = _ball_xy(state), set()


def _takes(state: State, person: int) -> bool:
    """Does the player get the ball under control? Each tries once per kick; the receiver always does."""
    if person == state.receiver:
        return True
    state.tried.add(person)
    speed = state.world.ball.speed
    chance = 0.95 if speed < 6 else 0.55 if speed < 13 else 0.25
    opponent = team_of(person) != team_of(state.last_touch)
    return bool(state.rng.random() < chance * (EAGER_DEFENCE if opponent and wants_shot(state) else 1.0))


def _control(state: State, person: int) -> None:
    """Give the ball to a player; in the air in front of a goal he heads it at once."""
    ball, team = state.world.ball, team_of(person)
    in_air = ball.z > 1.0
    own_area = _in_area(ball.x, ball.y, -state.attack(team))
    if person in KEEPERS:
        state.last_touch = person
        _hold(state, person)
        state.in_hands = own_area
        return
    eager = wants_shot(state) or (in_air and state.rng.random() < HEADED_AT_GOAL_SHARE)
    if in_air and eager and _in_area(ball.x, ball.y, state.attack(team)):
        take_shot(state, person)
        return
    if state.flagged is not None and team != state.flagged:
        laws.call_offside(state, state.flagged)
        return
    if own_area and in_air and state.rng.random() < HEADED_AWAY_SHARE:
        if abs(ball.x) > HALF_LENGTH_M - 11 and state.rng.random() < BEHIND_SHARE:
            _deflect_out(state, person)
        else:
            clear(state, person)
        return
    state.owner, state.receiver, state.last_touch, state.in_hands = person, None, person, False
    state.decide_at = state.at(float(state.rng.uniform(0.35, 1.3)))


def _in_area(x: float, y: float, side: int) -> bool:
    return x * side > HALF_LENGTH_M - PENALTY_AREA_DEPTH_M and abs(y) < PENALTY_AREA_HALF_WIDTH_M
