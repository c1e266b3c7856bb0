"""What does the spotter get to read of a watched match, and what is it to answer?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from touchline.domain.label import LABELS
from touchline.inference.sight_features import SoundSteps, sight_features
from touchline.inference.sight_training import LabelledSights
from touchline.simulator.ambience import ambience_for
from touchline.simulator.camera import CAMERAS
from touchline.simulator.detecting import DetectorNoise
from touchline.simulator.hearing import HEARD_MS, hear
from touchline.simulator.sights import SightNoise, draw_noise, sights_of
from touchline.spotting.signals import signal_table, surge
from touchline.training.watched_matches import WatchedMatch

Noises = tuple[DetectorNoise, SightNoise]


def labelled_sights(match: WatchedMatch, labels: Sequence[str], draw: int = 0,
                    noise: Noises | None = None) -> Iterator[tuple[str, LabelledSights]]:
    """The match as each of its cameras shows it: the camera's kind, and what is read and true.

    Each `draw` sees and hears it with errors of its own, drawn from wide ranges where no `noise` is given.
    """
    actions = tuple((ms, labels.index(label), team) for ms, label, team in match.actions if label in labels)
    for at, (kind, _, watched) in enumerate(match.cameras):
        luck = match.seed * 1000 + draw * 50 + at
        sights = list(sights_of(watched, noise or draw_noise(luck), luck))
        yield kind, LabelledSights(sight_features(sights, sound_of(match, kind, luck)), actions)


def with_labels(film: LabelledSights, labels: Sequence[str]) -> LabelledSights:
    """A film with columns of LABELS, with columns of these labels instead; actions of others are left out."""
    actions = ((ms, LABELS[column], team) for ms, column, team in film.actions)
    return replace(film, actions=tuple((ms, labels.index(label), team) for ms, label, team in actions
                                       if label in labels))


def sound_of(match: WatchedMatch, kind: str, luck: int) -> SoundSteps:
    """What the scan would make of the sound where a camera of this kind stands."""
    ambience = ambience_for(kind if kind in CAMERAS else "sideline", luck, match.seconds)
    heard = hear(luck, match.noises, match.tension, ambience)
    rules = signal_table()["whistle"]
    loudness = np.maximum(signal_table()["loudness"]["floor_db"], 10 * np.log10(heard.power + 1e-12))
    strength = (heard.whistle - rules["zero_share"]) / (rules["full_share"] - rules["zero_share"])
    whistle = np.where(heard.whistle >= rules["least_share"], strength.clip(0, 1), 0.0)
    return SoundSteps(HEARD_MS, loudness, surge(loudness), whistle)
