"""What does each step show, seen from the whole match? People followed and told by their shirts, one ball."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from touchline.seeing.ball import ball_path
from touchline.seeing.glance import Glance
from touchline.seeing.shirts import kit_colours_of, shirts_of
from touchline.seeing.sight import Sight
from touchline.seeing.table import seeing_table
from touchline.seeing.tracks import Track, follow_people


@dataclass(frozen=True, slots=True)
class SettledMatch:
    """The sights of a match, stretch by stretch, and the colours of its shirts.

    `kits` holds "#rrggbb" by a name of SHIRTS, of the teams and keepers that were told apart.
    """

    stretches: list[list[Sight]]
    kits: Mapping[str, str]


def settle(stretches: Sequence[Sequence[Glance]], aspect: float) -> SettledMatch:
    """One sight for each glance of a match, which was looked at in stretches without a gap, in order of time.

    `aspect` is the picture's width by its height. Who was missed for a step or two is filled in; who was seen only
    once and not well, or a few times and never surely, is left out. Nobody, and no ball, is followed from one stretch
    into the next; shirts are told apart over the whole match. The same glances give the same sights.
    """
    glances = [one for stretch in stretches for one in _begun(stretch)]
    tracks = [track for track in follow_people(glances) if _is_somebody(track)]
    shirts = shirts_of(tracks)
    shown: list[list[tuple[np.ndarray, int]]] = [[] for _ in glances]
    for track, shirt in zip(tracks, shirts.tolist(), strict=True):
        for step, box in track.boxes.items():
            shown[step].append((box, shirt))
    kits = kit_colours_of(tracks, shirts)
    del tracks
    settled = zip(shown, ball_path(glances, aspect), strict=True)
    sights = [[Sight(np.array([box for box, _ in people], np.float32).reshape(-1, 4).clip(0, 1),
                     np.array([shirt for _, shirt in people], np.int8), ball, one.camera, one.is_cut, one.grass)
               for one, (people, ball) in zip(stretch, islice(settled, len(stretch)), strict=True)]
              for stretch in stretches]
    return SettledMatch(sights, kits)


def _begun(stretch: Sequence[Glance]) -> Iterator[Glance]:
    """What was before a stretch is not known: for whoever follows something it begins as a cut does."""
    yield from (replace(one, is_cut=True, camera=None) for one in stretch[:1])
    yield from stretch[1:]


def _is_somebody(track: Track) -> bool:
    table = seeing_table("tracks")
    is_sure = track.best_score >= seeing_table("people")["sure_score"]
    return track.best_score >= table["lone_score"] or len(track.kits) >= (2 if is_sure else table["unsure_steps"])
