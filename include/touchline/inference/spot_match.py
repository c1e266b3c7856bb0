"""What does a whole match show, and which actions does that speak of? From the glances of its chunks to spottings.

Runs on the CPU and in one thread: the network is too small to be worth more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from touchline.domain.action import Spotting
from touchline.domain.recording import Recording, Timeline
from touchline.inference.gpu_lease import repeat_exactly
from touchline.inference.sight_features import SoundSteps
from touchline.inference.sight_spotter import SightSpotter
from touchline.inference.windows import joined, stretches
from touchline.seeing.glance import Glance
from touchline.seeing.settle import settle
from touchline.seeing.sight import STEP_MS, Sight


@dataclass(frozen=True, slots=True)
class SeenStretch:
    """Steps of one recording that follow each other without a gap: what they show, and the spotter's peaks."""

    start_ms: int
    sights: Sequence[Sight]
    spottings: Sequence[Spotting]


@dataclass(frozen=True, slots=True)
class SettledStretch:
    """The same before it is spotted, with its sound (None where there is none)."""

    start_ms: int
    sights: Sequence[Sight]
    sound: SoundSteps | None


@dataclass(frozen=True, slots=True)
class SettledStretches:
    """The colours of the shirts ("#rrggbb" by a name of SHIRTS), and the stretches in order of time."""

    kits: Mapping[str, str]
    stretches: Iterator[SettledStretch]


@dataclass(frozen=True, slots=True)
class SeenMatch:
    """The colours of the shirts ("#rrggbb" by a name of SHIRTS), and the stretches in order of time."""

    kits: Mapping[str, str]
    stretches: Iterator[SeenStretch]


def spot_match(glances: Iterable[Glance], sound: SoundSteps, recordings: Sequence[Recording],
               spotter: Path) -> SeenMatch:
    """Settle the whole match at once; its stretches are spotted one by one, as they are asked for.

    Args:
        glances: of all chunks; those outside the match are left out.
        sound: the scan's signals over the whole match. Where a recording has no sound it is not listened to.
        recordings: in the order of play.
        spotter: the folder of the model.

    Raises:
        ModelError: the spotter cannot be loaded.
    """
    repeat_exactly(threads=1)
    model = SightSpotter(spotter)
    settled = settled_stretches(glances, sound, recordings)
    return SeenMatch(settled.kits, (
        SeenStretch(one.start_ms, one.sights, model.spot(one.sights, one.sound, one.start_ms))
        for one in settled.stretches))


def settled_stretches(glances: Iterable[Glance], sound: SoundSteps,
                      recordings: Sequence[Recording]) -> SettledStretches:
    """Settle the whole match at once; parameters as of `spot_match`."""
    by_time = {one.match_ms: one for one in glances}
    timeline = Timeline.of(recordings)
    found = joined(stretches(sorted(by_time), STEP_MS, timeline), STEP_MS, recordings)
    video = recordings[0].video
    settled = settle([[by_time[moment] for moment in one.moments_ms] for one in found], video.width / video.height)

    def with_sound() -> Iterator[SettledStretch]:
        for stretch, sights in zip(found, settled.stretches, strict=True):
            start_ms = stretch.moments_ms[0]
            heard = sound_from(sound, start_ms, len(sights)) if recordings[stretch.recording].audio else None
            yield SettledStretch(start_ms, sights, heard)

    return SettledStretches(settled.kits, with_sound())


def sound_from(sound: SoundSteps, start_ms: int, count: int) -> SoundSteps | None:
    """The signals at the middles of `count` steps of sights, from match time `start_ms` on; None where there are none.

    The scan's steps are longer, and a stretch may begin within one of them.
    """
    if not len(sound.loudness_db):
        return None
    middles = start_ms + (np.arange(count) + 0.5) * STEP_MS
    places = middles / sound.step_ms - 0.5
    loudness_db, surge, whistle = (np.interp(places, np.arange(len(one)), one)
                                   for one in (sound.loudness_db, sound.surge, sound.whistle))
    return SoundSteps(STEP_MS, loudness_db, surge, whistle)


def sound_of_scan(scan: Mapping[str, Any]) -> SoundSteps:
    """What `scan.json` says of the sound."""
    return SoundSteps(scan["step_ms"], scan["loudness_db"], scan["surge"], scan["whistle"])
