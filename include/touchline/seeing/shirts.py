"""Whose shirt does somebody wear? The two most frequent colours of a match are the teams'; rare ones are told by place.

`home` is the team that is seen more; which club that is has to be known from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from touchline.seeing.sight import SHIRTS
from touchline.seeing.table import seeing_table
from touchline.seeing.tracks import Track

Floats = NDArray[np.float64]
LEARNT_FROM = 1500
"""Tracks, the longest ones: what is compared with each other grows with the square of it."""
LEAST_PEOPLE = 6
"""With fewer in view, who is the outermost says nothing."""


@dataclass(slots=True)
class _Group:
    """Tracks whose shirts have one rare colour, and what their places say."""

    weight: float
    steps: list[int] = field(default_factory=list)
    outermost: int = 0
    nearer_home: int = 0


def shirts_of(tracks: Sequence[Track]) -> NDArray[np.int8]:
    """Index of SHIRTS for each track [N]; -1 for all where no two teams can be told apart."""
    colours = np.array([colour_of(track.kits) for track in tracks]).reshape(-1, 3)
    weights = np.array([len(track.kits) for track in tracks], np.float64)
    table = seeing_table("kits")
    teams = _clusters(colours, weights, table["least_team"], 2)
    if len(teams) < 2:
        return np.full(len(tracks), -1, np.int8)
    away = np.linalg.norm(colours[:, None] - np.array(teams)[None], axis=2)
    shirts = away.argmin(axis=1).astype(np.int8)
    rare = np.flatnonzero(away.min(axis=1) > table["far"])
    shirts[rare] = SHIRTS.index("other")
    least_role = table["least_role"] * weights.sum() / max(1.0, weights[rare].sum())
    seeds = _clusters(colours[rare], weights[rare], least_role, len(rare))
    if seeds:
        off = np.linalg.norm(colours[rare][:, None] - np.array(seeds)[None], axis=2)
        member = np.where(off.min(axis=1) <= 2 * table["near"], off.argmin(axis=1), -1)
        roles = _roles(tracks, shirts, rare, member, len(seeds))
        shirts[rare] = np.where(member < 0, shirts[rare], roles[member])
    return shirts


def kit_colours_of(tracks: Sequence[Track], shirts: NDArray[np.int8]) -> dict[str, str]:
    """The usual colour of each team's and each keeper's shirt that is known, "#rrggbb" by its name in SHIRTS."""
    colours: dict[str, str] = {}
    for number, name in enumerate(SHIRTS[:4]):
        wearing = [track for track, shirt in zip(tracks, shirts.tolist(), strict=True) if shirt == number]
        if wearing:
            weights = np.array([len(track.kits) for track in wearing], np.float64)
            [middle] = _clusters(np.array([colour_of(track.kits) for track in wearing]), weights, 0.0, 1)
            colours[name] = _hex(middle)
    return colours


def _hex(colour: Floats) -> str:
    """As sRGB, of a colour as `colour_of` gives it."""
    lab = np.rint(colour / np.array([seeing_table("kits")["lightness"], 1.0, 1.0])).clip(0, 255).astype(np.uint8)
    return f"#{bytes(cv2.cvtColor(lab.reshape(1, 1, 3), cv2.COLOR_LAB2RGB).ravel()).hex()}"


def colour_of(kits: Sequence[NDArray[np.uint8]]) -> Floats:
    """The usual colour of some sightings [3], where distances mean what `[kits]` of the table says."""
    colour: Floats = np.median(np.array(kits, np.float64), axis=0)
    return colour * np.array([seeing_table("kits")["lightness"], 1.0, 1.0])


def _clusters(colours: Floats, weights: Floats, least_share: float, most: int) -> list[Floats]:
    """Middles of the densest groups of colours, the densest first, each of at least this share of all weights."""
    near = seeing_table("kits")["near"]
    longest = np.argsort(-weights, kind="stable")[:LEARNT_FROM]
    colours, weights = colours[longest], weights[longest]
    left, middles = np.ones(len(colours), bool), list[Floats]()
    close = np.exp(-(np.linalg.norm(colours[:, None] - colours[None], axis=2) ** 2) / (2 * near**2))
    while left.any() and len(middles) < most:
        middle = colours[int(np.where(left, close @ (weights * left), -1).argmax())]
        for _ in range(3):
            around = left & (np.linalg.norm(colours - middle, axis=1) <= near)
            middle = np.average(colours[around], axis=0, weights=weights[around]) if around.any() else middle
        inside = left & (np.linalg.norm(colours - middle, axis=1) <= 2 * near)
        if not inside.any() or weights[inside].sum() < least_share * weights.sum():
            break
        middles.append(middle)
        left &= ~inside
    return middles


def _roles(tracks: Sequence[Track], shirts: NDArray[np.int8], rare: NDArray[np.intp], member: NDArray[np.intp],
           count: int) -> NDArray[np.int8]:
    """Index of SHIRTS for each group of rare colours."""
    table = seeing_table("kits")
    groups = [_Group(sum(len(tracks[index].kits) for index in rare[member == number])) for number in range(count)]
    places = _places(tracks)
    for index, number in zip(rare.tolist(), member.tolist(), strict=True):
        if number >= 0:
            _look_around(groups[number], index, tracks[index], places, shirts)
    roles = np.full(count, SHIRTS.index("other"), np.int8)
    for number, group in enumerate(groups):
        if group.outermost >= table["outermost"] * max(1, len(group.steps)) and group.outermost:
            home = group.nearer_home * 2 >= group.outermost
            roles[number] = SHIRTS.index("home keeper" if home else "away keeper")
    single = [number for number, group in enumerate(groups) if roles[number] == SHIRTS.index("other") and group.steps
              and len(group.steps) <= table["alone"] * len(set(group.steps))]
    if single:
        roles[max(single, key=lambda number: groups[number].weight)] = SHIRTS.index("referee")
    return roles


def _places(tracks: Sequence[Track]) -> dict[int, list[tuple[float, int]]]:
    """Step → (middle of the box across the picture, track) of everybody."""
    places: dict[int, list[tuple[float, int]]] = {}
    for index, track in enumerate(tracks):
        for step, box in track.boxes.items():
            places.setdefault(step, []).append((float(box[0] + box[2]) / 2, index))
    return places


def _look_around(group: _Group, index: int, track: Track, places: dict[int, list[tuple[float, int]]],
                 shirts: NDArray[np.int8]) -> None:
    """Note for each step of a track whether it is the outermost person, and whose players are nearer to it then."""
    for step in track.boxes:
        others = places[step]
        if len(others) < LEAST_PEOPLE:
            continue
        group.steps.append(step)
        if index not in (min(others)[1], max(others)[1]):
            continue
        group.outermost += 1
        here = next(x for x, other in others if other == index)
        off = [[abs(x - here) for x, other in others if shirts[other] == team] for team in (0, 1)]
        group.nearer_home += bool(off[0]) and (not off[1] or np.mean(off[0]) <= np.mean(off[1]))
