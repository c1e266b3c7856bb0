"""Before the kick-off both sides shoot at their goals. It looks like shots and saves, and none of it counts."""

from __future__ import annotations

import numpy as np

from touchline.simulator import restarts
from touchline.simulator.ballistics import lofted_kick
from touchline.simulator.formation import warm_up_places
from touchline.simulator.pitch import GOAL_HEIGHT_M, HALF_LENGTH_M, is_in_goal
from touchline.simulator.shooting import catch_in_net
from touchline.simulator.state import Phase, State
from touchline.simulator.world import AWAY, FPS, HOME, KEEPERS, members

SHOOTS_S = 50
GATHERS_S = 25
"""Then they walk to their places for the kick-off."""
SHOT_EVERY_S = (2.5, 6.0)
AT_ONE_GOAL = 4
"""So many shots are taken at one goal before the camera looks at the other."""
SPEED_MPS = (15.0, 24.0)
AROUND_GOAL_M = 7.0
"""So far beside the middle of the goal, and above it, shots are aimed: about half of them go in."""


def begin(state: State) -> None:
    """Send each side to the goal that it will defend."""
    state.phase, state.restart, state.owner = Phase.WARM_UP, None, None
    for team in (HOME, AWAY):
        state.world.position[members(team)] = warm_up_places(state.attack(team))
    state.shot_due = state.at(1.0)


def step_warm_up(state: State, kick_off: int) -> None:
    """Let one ball after the other be shot; in time for the kick-off everybody goes to his place."""
    ball = state.world.ball
    ball.step()
    if is_in_goal(ball.x, ball.y, ball.z):
        catch_in_net(state)
    if state.frame >= kick_off - GATHERS_S * FPS:
        restarts.begin(state, "Kick-off", 0.0, 0.0, HOME)
        if state.restart is not None:
            state.restart.earliest = state.restart.latest = kick_off
    elif state.frame >= state.shot_due:
        _shoot(state)


def _shoot(state: State) -> None:
    """One of those before the goal takes the next ball."""
    rng, world = state.rng, state.world
    number = int(state.frame / (FPS * sum(SHOT_EVERY_S) / 2))
    team = (HOME, AWAY)[number // AT_ONE_GOAL % 2]
    side = -state.attack(team)
    shooter = members(team).start + 1 + int(rng.integers(10))
    x, y = (float(value) for value in world.position[shooter])
    world.ball.place(x + side * 0.5, y)
    aim = (side * HALF_LENGTH_M, float(rng.uniform(-AROUND_GOAL_M, AROUND_GOAL_M)) / 1.6,
           float(rng.uniform(0.2, GOAL_HEIGHT_M * 1.5)))
    distance = float(np.hypot(aim[0] - x, aim[1] - y))
    world.ball.kick(lofted_kick(world.ball, aim, distance / state.draw(SPEED_MPS)))
    world.kick[shooter] = 1.0
    keeper = KEEPERS[team]
    if abs(aim[1] - float(world.position[keeper, 1])) > 1.0:
        world.dive[keeper], world.dive_side[keeper] = 0.6, np.sign(aim[1] - world.position[keeper, 1])
    state.sound("thud")
    state.shot_due = state.at(state.draw(SHOT_EVERY_S))
