"""Shots, and what the keeper does about them."""

from __future__ import annotations

import math

import numpy as np

from touchline.simulator.ballistics import FRAME_S, lofted_kick
from touchline.simulator.pitch import GOAL_DEPTH_M, GOAL_HALF_WIDTH_M, GOAL_HEIGHT_M, HALF_LENGTH_M, bound
from touchline.simulator.state import Shot, State
from touchline.simulator.world import KEEPERS, team_of

SHOT_SPEED_MPS = (19.0, 27.0)
PENALTY_OUTCOMES = ("goal",) * 15 + ("held", "parried", "parried", "wide", "high")
"""Three of four penalties are goals (76 % in the five great leagues, Opta 2009 to 2019)."""
DIVE_S = 0.45
REACH_M = 2.4
"""How far from his feet a keeper's hands get in a full dive."""


def take_shot(state: State, shooter: int, outcome: str = "") -> None:
    """Kick at the goal so that the shot ends as said, or as the bag says."""
    team = team_of(shooter)
    side = state.goal_side(team)
    keeper = KEEPERS[1 - team]
    outcome = outcome or state.draw_outcome()
    blocker = _blocker(state, shooter) if outcome == "blocked" else None
    if outcome == "blocked" and blocker is None:
        outcome = "wide"
    cross_y, cross_z = _aim(state, outcome, float(state.world.position[keeper, 1]))
    ball = state.world.ball
    line_x = side * HALF_LENGTH_M
    distance = math.hypot(line_x - ball.x, cross_y - ball.y)
    seconds = distance / float(state.rng.uniform(*SHOT_SPEED_MPS))
    ball.kick(lofted_kick(ball, (line_x, cross_y, cross_z), max(seconds, 0.3)))
    arrives = state.at(seconds)
    reacts = max(state.frame, arrives - (9 if outcome == "goal" else 12))
    state.shot = Shot(shooter, state.frame, outcome, side, cross_y, cross_z, arrives, reacts, blocker=blocker)
    state.world.kick[shooter] = 1.0
    state.owner, state.receiver, state.last_touch = None, None, shooter
    state.kicked_at, state.tried = state.frame, set()
    state.sound("thud")
    state.plan_next_shot()


def _blocker(state: State, shooter: int) -> int | None:
    """The opponent who stands in the way of a shot, 1.5 to 12 m from the ball; None where there is nobody."""
    ball, team = state.world.ball, team_of(shooter)
    goal = np.array([state.goal_side(team) * HALF_LENGTH_M - ball.x, -ball.y])
    goal /= max(1e-6, float(np.hypot(*goal)))
    rows = list(state.outfield(1 - team))
    away = state.world.position[rows] - (ball.x, ball.y)
    along, aside = away @ goal, np.abs(away @ (-goal[1], goal[0]))
    in_way = np.where((along > 1.5) & (along < 12) & (aside < along * 0.45), along, np.inf)
    return rows[int(np.argmin(in_way))] if np.isfinite(in_way).any() else None


def block(state: State) -> bool:
    """Let the shot on its way hit the player in front of it, if it has come to him; it flies on anywhere."""
    shot, ball, rng = state.shot, state.world.ball, state.rng
    if shot is None or shot.blocker is None:
        return False
    x, y = (float(value) for value in state.world.position[shot.blocker])
    if math.hypot(ball.x - x, ball.y - y) > 1.6 and (ball.x - x) * shot.side < 0.0:
        return False
    turn, kept = float(rng.uniform(-2.4, 2.4)), float(rng.uniform(0.15, 0.55))
    vx, vy = ball.vx * kept, ball.vy * kept
    ball.kick((vx * math.cos(turn) - vy * math.sin(turn), vx * math.sin(turn) + vy * math.cos(turn),
               float(rng.uniform(0.0, 6.0))))
    return True


def _aim(state: State, outcome: str, keeper_y: float) -> tuple[float, float]:
    """Choose where (y, z) the ball crosses the plane of the goal."""
    rng = state.rng
    if outcome == "goal":
        corner = -math.copysign(1.0, keeper_y if abs(keeper_y) > 0.3 else rng.uniform(-1, 1))
        return corner * rng.uniform(2.7, 3.3), rng.uniform(0.3, 2.0)
    if outcome == "wide":
        return float(rng.choice([-1, 1])) * (GOAL_HALF_WIDTH_M + rng.uniform(0.5, 2.6)), rng.uniform(0.3, 2.2)
    if outcome == "high":
        return rng.uniform(-3.2, 3.2), GOAL_HEIGHT_M + rng.uniform(0.4, 2.0)
    away = rng.uniform(0.3, 1.6) if outcome == "held" else rng.uniform(1.5, 2.4)
    y = keeper_y + float(rng.choice([-1, 1])) * away
    return bound(y, -3.2, 3.2), rng.uniform(0.4, 1.8)


def keeper_target(state: State, keeper: int) -> tuple[float, float] | None:
    """Where the keeper must put his feet for the shot on its way, once he has reacted; None before that."""
    shot = state.shot
    if shot is None or KEEPERS[1 - team_of(shot.shooter)] != keeper or state.frame < shot.reacts:
        return None
    world = state.world
    y = float(world.position[keeper, 1])
    gap = shot.cross_y - y
    progress = min(1.0, (state.frame - shot.reacts + 1) * FRAME_S / DIVE_S)
    if abs(gap) > 0.6 and abs(shot.cross_y) < GOAL_HALF_WIDTH_M + 1.5:
        world.dive[keeper] = max(world.dive[keeper], progress)
        if world.dive_side[keeper] == 0.0:
            world.dive_side[keeper] = math.copysign(1.0, gap)
    world.arms[keeper] = 1.0
    short = 1.0 if shot.outcome == "goal" else 0.0
    step = math.copysign(max(0.0, abs(gap) - 1.2 - short), gap) if abs(gap) > 0.6 else gap
    return shot.side * (HALF_LENGTH_M - 0.6), y + step


def settle_shot(state: State) -> str | None:
    """Let the keeper or the goal end the shot; return what it came to: "held", "parried" or None."""
    shot, ball = state.shot, state.world.ball
    if shot is None or shot.outcome not in ("held", "parried"):
        return None
    if abs(ball.x) < HALF_LENGTH_M - 1.0 or math.copysign(1, ball.x) != shot.side:
        return None
    keeper = KEEPERS[1 - team_of(shot.shooter)]
    if abs(ball.y - float(state.world.position[keeper, 1])) > REACH_M + 0.4:
        return None
    return shot.outcome


def parry(state: State) -> None:
    """Turn the ball round the post: out over the goal line, clear of the goal."""
    ball = state.world.ball
    away = math.copysign(1.0, ball.y if abs(ball.y) > 0.2 else state.rng.uniform(-1, 1))
    side = math.copysign(1.0, ball.x)
    beyond = GOAL_HALF_WIDTH_M + float(state.rng.uniform(2.2, 4.5)) - abs(ball.y)
    ball.x = side * min(abs(ball.x), HALF_LENGTH_M - 0.3)
    to_line = HALF_LENGTH_M + 0.3 - abs(ball.x)
    speed = float(state.rng.uniform(7.0, 10.0))
    seconds = beyond / speed
    ball.kick((side * to_line / seconds, away * speed, 2.5))


def catch_in_net(state: State) -> None:
    """Stop a ball that is in the goal at the net: back, sides and top."""
    ball = state.world.ball
    back = HALF_LENGTH_M + GOAL_DEPTH_M - 0.2
    if abs(ball.x) > back:
        ball.x = math.copysign(back, ball.x)
        ball.vx, ball.vy, ball.vz = -ball.vx * 0.08, ball.vy * 0.25, ball.vz * 0.25
    if abs(ball.y) > GOAL_HALF_WIDTH_M - 0.15:
        ball.y = math.copysign(GOAL_HALF_WIDTH_M - 0.15, ball.y)
        ball.vy *= -0.1
    if ball.z > GOAL_HEIGHT_M - 0.15:
        ball.z = GOAL_HEIGHT_M - 0.15
        ball.vz = min(0.0, ball.vz)
