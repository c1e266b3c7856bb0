"""What the referee sees: offside, fouls, cards; and what else keeps the ball at rest: injuries and substitutions."""

from __future__ import annotations

from touchline.simulator import restarts
from touchline.simulator.pitch import HALF_LENGTH_M, PENALTY_AREA_DEPTH_M, PENALTY_AREA_HALF_WIDTH_M, bound
from touchline.simulator.state import Scene, State
from touchline.simulator.world import AWAY, FPS, HOME, team_of

CALLED_IN_AREA = 0.08
"""Share of the fouls in front of the goal that are a penalty: defenders are careful there, and so are referees."""
ADVANTAGE_S = 1.2
SHOT_AT_GOAL_M = 35.0
"""A free kick from within this of the goal is direct: it is aimed at the goal or in front of it (as in SoccerNet)."""
FLAG_WAITS_WITHIN_M = 40.0
FLAG_WAITS_SHARE = 0.7
SETTLED = ("Throw-in", "Goal kick", "Indirect free-kick", "Corner")
"""Restarts before which players are changed."""


def plan_changes(state: State, second_half: tuple[int, int]) -> list[tuple[int, int]]:
    """When each side wants to change a player, (frame, team), the next one last: most of them late."""
    low, high = state.tempo.substitutions
    begins, ends = second_half
    due = [(int(ends - (ends - begins) * state.rng.uniform(0.02, 1.0)), team)
           for team in (HOME, AWAY) for _ in range(int(state.rng.integers(low, high + 1)))]
    return sorted(due, reverse=True)


def is_offside(state: State, person: int) -> bool:
    """Stop the play where this player may not touch the ball; near the goal the flag may wait for the attack's end."""
    if person not in state.offside or state.flagged is not None:
        return False
    waits = state.distance_to_goal(person) < FLAG_WAITS_WITHIN_M and state.rng.random() < FLAG_WAITS_SHARE
    if waits:
        state.flagged = team_of(person)
        return False
    call_offside(state, team_of(person))
    return True


def call_offside(state: State, team: int) -> None:
    """The flag is up: free kick for the other side where the ball is."""
    state.flagged = None
    state.emit("Offside", team)
    state.sound("whistle")
    x, y = _on_pitch(state.world.ball.x, state.world.ball.y)
    restarts.begin(state, "Indirect free-kick", x, y, 1 - team)


def call_foul(state: State, fouler: int, victim: int) -> bool:
    """A foul, with what comes of it; False where the referee lets it go, as he does most often near a goal."""
    team = team_of(victim)
    x, y = (float(value) for value in state.world.position[victim])
    side = state.attack(team)
    in_area = x * side > HALF_LENGTH_M - PENALTY_AREA_DEPTH_M and abs(y) < PENALTY_AREA_HALF_WIDTH_M
    if in_area and state.rng.random() > CALLED_IN_AREA:
        return False
    state.emit("Foul", team_of(fouler))
    state.sound("whistle")
    state.sound("groan")
    if in_area:
        restarts.begin(state, "Penalty", *restarts.penalty_spot(side), team)
    else:
        near = state.distance_to_goal(victim) < SHOT_AT_GOAL_M
        restarts.begin(state, "Direct free-kick" if near else "Indirect free-kick", *_on_pitch(x, y), team)
    _card(state, fouler)
    if state.rng.random() < state.tempo.injured_share:
        _add_scene(state, "injury", victim, after_s=0.0, moment_s=0.0, lasts_s=state.draw((30, 110)))
    return True


def _on_pitch(x: float, y: float) -> tuple[float, float]:
    return bound(x, -51, 51), bound(y, -33, 33)


def _card(state: State, fouler: int) -> None:
    chance = state.rng.random()
    if chance < state.tempo.sent_off_share:
        kind = "Red card"
    elif chance > state.tempo.booked_share:
        return
    elif fouler in state.booked and state.rng.random() < 0.3:
        kind = "Yellow->red card"
    else:  # who has one already is careful, and the referee warns him once more
        kind = "" if fouler in state.booked else "Yellow card"
    if kind:
        _add_scene(state, kind, fouler, after_s=state.draw((2, 6)), moment_s=state.draw((4, 16)),
                   lasts_s=state.draw((5, 14)))


def change_players(state: State) -> None:
    """Where a change is due and the ball rests, one side, or both, change a player."""
    restart = state.restart
    while restart and restart.label in SETTLED and state.changes_due and state.changes_due[-1][0] <= state.frame:
        _, team = state.changes_due.pop()
        rows = [row for row in state.outfield(team) if row != restart.taker]
        if len(rows) > 7:
            person = int(state.rng.choice(rows))
            to_line_s = 6.0 + abs(float(state.world.position[person, 1]) + 34.0) / 4.0
            _add_scene(state, "Substitution", person, after_s=2.0, moment_s=to_line_s, lasts_s=8.0)


def _add_scene(state: State, kind: str, person: int, *, after_s: float, moment_s: float, lasts_s: float) -> None:
    """The restart waits until it is over."""
    restart = state.restart
    if restart is None:
        return
    begins = state.at(after_s)
    moment = begins + round(moment_s * FPS)
    scene = Scene(kind, person, begins, moment, moment + round(lasts_s * FPS))
    restart.scenes.append(scene)
    wait = max(0, scene.ends - restart.earliest)
    restart.earliest, restart.latest = restart.earliest + wait, restart.latest + wait


def play_scenes(state: State) -> None:
    """Cards are shown, and players leave, when it is time."""
    for scene in state.restart.scenes if state.restart else ():
        if scene.moment == state.frame and scene.kind != "injury":
            _happen(state, scene)


def _happen(state: State, scene: Scene) -> None:
    state.emit(scene.kind, team_of(scene.person))
    if scene.kind == "Substitution":
        state.world.height_m[scene.person] = state.rng.uniform(1.68, 1.94)
        state.booked.discard(scene.person)
        return
    state.sound("groan")
    if scene.kind == "Yellow card":
        state.booked.add(scene.person)
    else:
        state.gone.add(scene.person)
        if state.restart and state.restart.taker == scene.person:
            restarts.choose_another_taker(state)
