"""What the play knows between two frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from touchline.simulator.pitch import HALF_LENGTH_M
from touchline.simulator.tempo import Span, Tempo
from touchline.simulator.world import FPS, HOME, World, members, team_of


class Phase(Enum):
    """What kind of moment it is."""

    WARM_UP = "before the match"
    OPEN = "open play"
    DEAD = "waiting for a restart"
    CELEBRATION = "after a goal"
    PAUSE = "no play: before, between and after the halves"


@dataclass(frozen=True, slots=True)
class Event:
    """Something a spotter should find; `frame` counts from the start of the recording."""

    frame: int
    label: str
    team: int
    half: int
    visible: bool = True


@dataclass(frozen=True, slots=True)
class Noise:
    """Something one hears: "whistle", "long whistle", "thud", "roar", "groan" or "clap"."""

    frame: int
    kind: str


@dataclass(slots=True)
class Shot:
    """A shot on its way: who, when, what is to become of it, and where it crosses the goal line."""

    shooter: int
    frame: int
    outcome: str
    side: int
    cross_y: float
    cross_z: float
    arrives: int
    reacts: int
    started_at: tuple[float, float] | None = None
    blocker: int | None = None


@dataclass(slots=True)
class Scene:
    """What keeps the restart waiting: a card ("Yellow card", …), a "Substitution" or an "injury" of one player.

    It begins and ends at these frames; a card is shown, and a player leaves the pitch, at `moment`.
    """

    kind: str
    person: int
    begins: int
    moment: int
    ends: int


@dataclass(slots=True)
class Restart:
    """A restart to come: label, place, who takes it and the first frame at which it may be taken."""

    label: str
    x: float
    y: float
    team: int
    taker: int
    earliest: int
    latest: int
    places: np.ndarray
    ball_down: bool = False
    scenes: list[Scene] = field(default_factory=list)


@dataclass(slots=True)
class State:
    """The whole match at one frame."""

    rng: np.random.Generator
    tempo: Tempo
    shapes: tuple[str, str]
    world: World = field(default_factory=World)
    frame: int = 0
    half: int = 1
    half_ends: int = 0
    phase: Phase = Phase.PAUSE
    owner: int | None = None
    last_touch: int = 0
    kicked_at: int = -1000
    receiver: int | None = None
    landing: tuple[float, float] = (0.0, 0.0)
    decide_at: int = 0
    in_hands: bool = False
    tried: set[int] = field(default_factory=set)
    offside: set[int] = field(default_factory=set)
    """Who stood offside when a player of his own side touched the ball last."""
    flagged: int | None = None
    """The side that was offside while the assistant waits with the flag until its attack is over."""
    booked: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    """Who was sent off."""
    changes_due: list[tuple[int, int]] = field(default_factory=list)
    """Substitutions to come: (frame, team), the next one last."""
    shot: Shot | None = None
    shot_due: int = 0
    restart: Restart | None = None
    resume_at: int = 0
    scorer: int | None = None
    score: list[int] = field(default_factory=lambda: [0, 0])
    bag: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    noises: list[Noise] = field(default_factory=list)

    @property
    def possession(self) -> int:
        """Team that has the ball or had it last."""
        return team_of(self.owner if self.owner is not None else self.last_touch)

    def attack(self, team: int) -> int:
        """Direction (+1 or -1) in which a team plays in this half."""
        return 1 if (team == HOME) == (self.half == 1) else -1

    def at(self, seconds: float) -> int:
        """Frame that lies `seconds` ahead."""
        return self.frame + round(seconds * FPS)

    def emit(self, label: str, team: int, frame: int | None = None) -> None:
        """Note an event, now or at an earlier frame."""
        self.events.append(Event(self.frame if frame is None else frame, label, team, self.half))

    def sound(self, kind: str) -> None:
        """Note a noise, now."""
        self.noises.append(Noise(self.frame, kind))

    def outfield(self, team: int) -> Iterator[int]:
        """Rows of a team without its keeper."""
        rows = members(team)
        return (row for row in range(rows.start + 1, rows.stop) if row not in self.gone)

    def nearest(self, x: float, y: float, rows: list[int]) -> int:
        """The one of `rows` who stands nearest to a point."""
        away = self.world.position[rows] - (x, y)
        return rows[int(np.argmin((away**2).sum(axis=1)))]

    def draw_outcome(self) -> str:
        """Take how the next shot is to end out of the bag."""
        if not self.bag:
            self.bag = [str(name) for name in self.rng.permutation(np.array(self.tempo.outcomes))]
        return self.bag.pop()

    def draw(self, span: Span) -> float:
        """A number between two."""
        return float(self.rng.uniform(*span))

    def plan_next_shot(self) -> None:
        """Draw when somebody will be eager to shoot again."""
        self.shot_due = self.at(self.draw(self.tempo.shot_gap_s))

    def goal_side(self, team: int) -> int:
        """Sign of x of the goal that a team attacks."""
        return self.attack(team)

    def distance_to_goal(self, person: int) -> float:
        """Metres from a player to the middle of the goal he attacks."""
        x, y = self.world.position[person]
        return float(np.hypot(x - self.goal_side(team_of(person)) * HALF_LENGTH_M, y))
