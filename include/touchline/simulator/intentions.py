"""Where everybody wants to be next, and how fast they go there."""

from __future__ import annotations

import math

import numpy as np

from touchline.simulator.formation import kick_off_stand, stand, warm_up_places
from touchline.simulator.pitch import HALF_LENGTH_M, HALF_WIDTH_M, PENALTY_AREA_DEPTH_M, TUNNEL, bound
from touchline.simulator.shooting import keeper_target
from touchline.simulator.state import Phase, Scene, State
from touchline.simulator.world import ASSISTANTS, AWAY, HOME, KEEPERS, PEOPLE, REFEREE, Array, members, team_of

WALK_MPS, JOG_MPS, RUN_MPS, SPRINT_MPS = 1.7, 4.2, 6.2, 8.0
WING_M = 14.0
"""Who has the ball further out than this stays there."""
LINE_SLACK_M = 3.4
"""How far attackers run ahead of the line that they hold."""
_ROWS = np.arange(22.0)


def intend(state: State) -> tuple[Array, Array]:
    """Targets (25, 2) in metres and top speeds (25,) in m/s for this frame."""
    targets = np.zeros((PEOPLE, 2))
    speeds = np.full(PEOPLE, JOG_MPS)
    _INTENTIONS[state.phase](state, targets, speeds)
    _officials(state, targets, speeds)
    for row in state.gone:
        targets[row], speeds[row] = TUNNEL, WALK_MPS
    return targets, speeds


def _open(state: State, targets: Array, speeds: Array) -> None:
    ball = state.world.ball
    for team in (HOME, AWAY):
        attack = state.attack(team)
        targets[members(team)] = stand(state.shapes[team], attack, ball.x, ball.y, state.possession == team)
    targets[:22] += _restlessness(state)
    _hold_the_line(state, targets, state.possession)
    speeds[:22] = RUN_MPS
    if state.owner is not None:
        _press(state, targets, speeds, 1 - team_of(state.owner))
        _dribble(state, targets, speeds, state.owner)
    elif state.shot is None:
        _chase(state, targets, speeds)
    for keeper in KEEPERS:
        _keep(state, targets, speeds, keeper)


def _restlessness(state: State) -> Array:
    """Slow drifts (m) of up to two metres, so that nobody stands like a post."""
    time = state.frame / 25.0
    drift = np.empty((22, 2))
    np.sin(time * 0.50 + _ROWS * 1.7, out=drift[:, 0])
    np.cos(time * 0.41 + _ROWS * 2.3, out=drift[:, 1])
    drift[list(KEEPERS)] = 0.0
    return drift * 1.8


def _hold_the_line(state: State, targets: Array, team: int) -> None:
    """Attackers keep level with the last but one opponent, more or less, in place: so few are offside."""
    attack = state.attack(team)
    opponents = np.sort(state.world.position[members(1 - team), 0] * attack)
    line = max(0.0, state.world.ball.x * attack, float(opponents[-2]))
    rows = list(state.outfield(team))
    slack = LINE_SLACK_M * np.sin(state.frame / 25.0 * 0.3 + np.array(rows) * 2.1)
    targets[rows, 0] = attack * np.minimum(targets[rows, 0] * attack, line - 0.6 + slack)


def _press(state: State, targets: Array, speeds: Array, team: int) -> None:
    """The nearest defender goes for the ball, the next covers four metres behind."""
    ball = state.world.ball
    rows = list(state.outfield(team))
    away = np.hypot(state.world.position[rows, 0] - ball.x, state.world.position[rows, 1] - ball.y)
    order = np.argsort(away)
    goal = -state.attack(team)
    if not state.in_hands:
        targets[rows[int(order[0])]] = (ball.x + goal * 0.3, ball.y)
        speeds[rows[int(order[0])]] = SPRINT_MPS - 1.0
        targets[rows[int(order[1])]] = (ball.x + goal * 4.0, ball.y * 0.85)


def _dribble(state: State, targets: Array, speeds: Array, owner: int) -> None:
    """Towards the goal, round the nearest opponent, inside the pitch."""
    if owner in KEEPERS:
        targets[owner], speeds[owner] = state.world.position[owner], 1.5
        return
    world, attack = state.world, state.attack(team_of(owner))
    x, y = world.position[owner]
    inwards = 0.0 if abs(y) > WING_M else 0.9 if x * attack > 25 else 0.25
    aim = np.array([attack * HALF_LENGTH_M - x, -y * inwards])
    aim /= max(1e-6, float(np.hypot(*aim)))
    opponent = state.nearest(x, y, list(state.outfield(1 - team_of(owner))))
    away = world.position[owner] - world.position[opponent]
    gap = float(np.hypot(*away))
    if gap < 5.0:
        aim += away / max(gap, 0.3) * (5.0 - gap) / 5.0 * 1.1
    goal = world.position[owner] + aim / max(1e-6, float(np.hypot(*aim))) * 5
    targets[owner] = np.clip(goal, (-HALF_LENGTH_M + 3, -HALF_WIDTH_M + 1.5), (HALF_LENGTH_M - 3, HALF_WIDTH_M - 1.5))
    speeds[owner] = 5.6


def _chase(state: State, targets: Array, speeds: Array) -> None:
    """The receiver goes to where the ball comes down; the nearest of both sides go for a loose ball."""
    ball = state.world.ball
    ahead = 0.45 if ball.speed > 2 else 0.0
    meet = (
        bound(ball.x + ball.vx * ahead, -HALF_LENGTH_M, HALF_LENGTH_M),
        bound(ball.y + ball.vy * ahead, -HALF_WIDTH_M, HALF_WIDTH_M),
    )
    for team in (HOME, AWAY):
        rows = list(state.outfield(team))
        if state.receiver in rows:
            chaser = int(state.receiver)
            landed = ball.z < 1.5 and math.hypot(ball.x - state.landing[0], ball.y - state.landing[1]) < 6
            targets[chaser] = meet if landed or ball.speed < 5 else state.landing
        else:
            chaser = state.nearest(*(meet if ball.z < 2 else state.landing), rows)
            targets[chaser] = meet if ball.z < 2 else state.landing
        speeds[chaser] = SPRINT_MPS - 0.5


def _keep(state: State, targets: Array, speeds: Array, keeper: int) -> None:
    """Save a shot, come out for a loose ball, else stand between ball and goal."""
    save = keeper_target(state, keeper)
    if save is not None:
        targets[keeper], speeds[keeper] = save, 6.5
        return
    ball = state.world.ball
    side = -state.attack(team_of(keeper))
    near = ball.x * side > HALF_LENGTH_M - PENALTY_AREA_DEPTH_M + 4 and abs(ball.y) < 12
    if state.owner is None and state.shot is None and near and ball.z < 2.5 and ball.speed < 12:
        targets[keeper], speeds[keeper] = (ball.x, ball.y), RUN_MPS


def _dead(state: State, targets: Array, speeds: Array) -> None:
    if state.restart is None:
        return
    targets[:22] = state.restart.places
    targets[:22] += _restlessness(state) * 0.25
    targets[state.restart.taker] = state.restart.places[state.restart.taker]
    speeds[:22] = RUN_MPS
    hurry = 7.2 if state.restart.label != "Goal kick" else RUN_MPS
    speeds[state.restart.taker] = hurry
    if state.restart.earliest - state.frame > 8 * 25:
        speeds[:22] = WALK_MPS + (np.arange(22) % 5) * 0.4
    for scene in state.restart.scenes:
        if scene.begins <= state.frame <= scene.ends:
            _SCENES.get(scene.kind, _show_card)(state, targets, speeds, scene)


def _show_card(state: State, targets: Array, speeds: Array, scene: Scene) -> None:
    """The player walks towards the referee, who lifts his arm for some seconds."""
    x, y = state.world.position[scene.person]
    targets[REFEREE] = (x + 1.3, y)
    targets[scene.person], speeds[scene.person] = state.world.position[REFEREE], WALK_MPS
    if 0 <= state.frame - scene.moment < 3 * 25:
        state.world.arms[REFEREE] = 1.0


def _lie(state: State, targets: Array, speeds: Array, scene: Scene) -> None:
    targets[scene.person], speeds[scene.person] = state.world.position[scene.person], 0.0
    state.world.dive[scene.person] = state.world.dive_side[scene.person] = 1.0


def _change(state: State, targets: Array, speeds: Array, scene: Scene) -> None:
    """Off at the halfway line, and another one on to the same place."""
    if state.frame < scene.moment:
        targets[scene.person], speeds[scene.person] = (1.5, -HALF_WIDTH_M - 1.2), JOG_MPS
    else:
        speeds[scene.person] = RUN_MPS


_SCENES = {"injury": _lie, "Substitution": _change}


def _celebrate(state: State, targets: Array, speeds: Array) -> None:
    """The scorer runs to the corner with his side behind him; the others walk back."""
    scorer = state.scorer if state.scorer is not None else 1
    team = team_of(scorer)
    side = state.goal_side(team)
    flag = np.array([side * (HALF_LENGTH_M - 5), -(HALF_WIDTH_M - 5)])
    for other in (HOME, AWAY):
        targets[members(other)] = kick_off_stand(state.shapes[other], state.attack(other), other != team)
    speeds[:22] = 3.0
    for place, row in enumerate(state.outfield(team)):
        if np.hypot(*(state.world.position[row] - flag)) < 45:
            targets[row] = flag - (1.2 * (place % 4), -1.2 * (place // 4))
            speeds[row] = 5.5
    targets[scorer], speeds[scorer] = flag, 6.0
    state.world.arms[scorer] = 1.0
    for row in state.outfield(team):
        if np.hypot(*(state.world.position[row] - flag)) < 9:
            state.world.arms[row] = 0.9


def _warm_up(state: State, targets: Array, speeds: Array) -> None:
    """Around the goal that the side will defend."""
    for team in (HOME, AWAY):
        targets[members(team)] = warm_up_places(state.attack(team))
    targets[:22] += _restlessness(state)
    speeds[:22] = JOG_MPS


def _pause(state: State, targets: Array, speeds: Array) -> None:
    """Walk off towards the tunnel below the main camera."""
    targets[:22, 0] = np.linspace(-8, 8, 22)
    targets[:22, 1] = -HALF_WIDTH_M + 2
    speeds[:22] = 1.7


def _officials(state: State, targets: Array, speeds: Array) -> None:
    """The referee follows at a distance, the assistants keep level with the ball on their lines."""
    ball = state.world.ball
    targets[REFEREE] = (ball.x * 0.82, bound(ball.y * 0.7 + 9.0, -28, 28))
    if state.phase is Phase.DEAD and state.restart is not None and state.restart.label == "Kick-off":
        targets[REFEREE] = (0.0, 6.5)
    speeds[REFEREE] = 5.5
    near, far = ASSISTANTS
    targets[near] = (bound(ball.x, 0, HALF_LENGTH_M), -HALF_WIDTH_M - 0.8)
    targets[far] = (bound(ball.x, -HALF_LENGTH_M, 0), HALF_WIDTH_M + 0.8)
    speeds[[near, far]] = 6.0


_INTENTIONS = {Phase.WARM_UP: _warm_up, Phase.OPEN: _open, Phase.DEAD: _dead, Phase.CELEBRATION: _celebrate,
               Phase.PAUSE: _pause}
