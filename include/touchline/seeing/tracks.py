"""Who of one step is who of the next? People are followed where the camera's own movement is taken out.

Not ultralytics' ByteTrack: it belongs to frames 0.04 s apart, needs a package that is not ours (lap), and would have to
run where the model runs, chunk by chunk. At 5 steps a second a person moves half their height between steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from touchline.seeing.boxes import Boxes, feet
from touchline.seeing.camera import STILL, Move, carry
from touchline.seeing.glance import Glance
from touchline.seeing.table import seeing_table


@dataclass(slots=True)
class Track:
    """One person from when they are found to when they are lost.

    `boxes` holds step → box, also of steps between two sightings; `kits` the colour of each sighting.
    """

    boxes: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    kits: list[NDArray[np.uint8]] = field(default_factory=list)
    best_score: float = 0.0
    seen: int = -1
    """The last step in which a box was found."""
    sure: int = -1
    """The same, or the last step after it in which nobody was looked for."""
    box: NDArray[np.float64] = field(default_factory=lambda: np.zeros(4))
    """Where the person should be in the step that is looked at."""
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    """Of the feet over the pitch, in fractions of the picture a step."""

    def predict(self, move: Move) -> None:
        """Go one step on: with the camera's move, and as the person moved before."""
        corners = carry(self.box.reshape(2, 2), move)
        self.velocity = self.velocity * 2.0 ** move[2]
        self.box = (corners + self.velocity).reshape(4)

    def see(self, step: int, one: Glance, index: int) -> None:
        """The box of this step is this person; fill the steps that were missed, if they are few."""
        found = one.people[index].astype(np.float64)
        table = seeing_table("tracks")
        missed = step - self.seen - 1
        if self.seen >= 0:
            off = (_foot(found) - _foot(self.box)) / (missed + 1)
            self.velocity = self.velocity + table["smooth"] * off
            self._fill(step, (found - self.box) / (missed + 1))
        self.boxes[step], self.box, self.seen, self.sure = found, found, step, step
        self.kits.append(one.kits[index])
        self.best_score = max(self.best_score, float(one.scores[index]))

    def _fill(self, step: int, off: NDArray[np.float64]) -> None:
        """Put the expected boxes since the last sighting right by this much a step, or forget them if they are many."""
        for number, at in enumerate(range(self.seen + 1, step), 1):
            if step - self.seen - 1 <= seeing_table("tracks")["filled_steps"]:
                self.boxes[at] = self.boxes[at] + number * off
            elif at > self.sure:
                del self.boxes[at]


def follow_people(glances: Sequence[Glance]) -> list[Track]:
    """All people of a match, one track from each time somebody comes into view; steps are indices of `glances`."""
    table = seeing_table("tracks")
    done: list[Track] = []
    open_: list[Track] = []
    for step, one in enumerate(glances):
        if one.is_cut:
            done, open_ = done + open_, []
        for track in open_:
            track.predict(one.camera or STILL)
        pairs = _pair(open_, step, one)
        for index, row in pairs.items():
            open_[row].see(step, one, index)
        for track in open_:
            if track.seen != step:
                track.boxes[step] = track.box
                track.sure += not one.is_looked and track.sure == step - 1
        for index in (index for index in range(len(one.people)) if index not in pairs):
            open_.append(Track())
            open_[-1].see(step, one, index)
        done += [track for track in open_ if step - track.seen >= table["lost_steps"]]
        open_ = [track for track in open_ if step - track.seen < table["lost_steps"]]
    return [_ended(track) for track in done + open_]


def _ended(track: Track) -> Track:
    """What was only expected after the last sighting is not kept."""
    track.boxes = {step: box for step, box in track.boxes.items() if step <= track.sure}
    return track


def _pair(tracks: Sequence[Track], step: int, one: Glance) -> dict[int, int]:
    """Index of `one.people` → index of the track: sure boxes first, the others for whom is left (ByteTrack, 2022)."""
    expected = np.array([track.box for track in tracks]).reshape(-1, 4)
    slack = 1 + seeing_table("tracks")["slack"] * np.array([step - track.seen - 1 for track in tracks], np.float64)
    pairs: dict[int, int] = {}
    is_sure = one.scores >= seeing_table("people")["sure_score"]
    for chosen in (np.flatnonzero(is_sure), np.flatnonzero(~is_sure)):
        left = np.setdiff1d(np.arange(len(expected)), list(pairs.values()))
        found = _pairs(expected[left], slack[left], one.people[chosen])
        pairs |= {int(chosen[index]): int(left[row]) for index, row in found.items()}
    return pairs


def _pairs(expected: NDArray[np.float64], slack: NDArray[np.float64], found: Boxes) -> dict[int, int]:
    """Found index → expected index, nearest first: in heights of the person times the slack, with a penalty for another
    height.
    """
    if not len(expected) or not len(found):
        return {}
    table = seeing_table("tracks")
    heights = np.maximum(expected[:, 3] - expected[:, 1], 1e-3)[:, None]
    others = np.maximum(found[:, 3] - found[:, 1], 1e-3)[None, :]
    away = np.linalg.norm(feet(expected.astype(np.float32))[:, None] - feet(found)[None], axis=2)
    away /= heights * slack[:, None]
    cost = away + table["size"] * np.abs(np.log(others / heights))
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for flat in np.argsort(cost, axis=None, kind="stable"):
        row, index = divmod(int(flat), cost.shape[1])
        if cost[row, index] > table["gate"]:
            break
        if row not in taken and index not in pairs:
            taken.add(row)
            pairs[index] = row
    return pairs


def _foot(box: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([(box[0] + box[2]) / 2, box[3]])
