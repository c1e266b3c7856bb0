"""Train the spotter on sights of simulated matches, and measure it on matches that it has not seen."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

from touchline.domain.label import LABELS
from touchline.inference.sight_spotter import keep_spotter
from touchline.inference.sight_training import LabelledSights, train_sight_network
from touchline.settings import Settings
from touchline.training.labelled_sights import labelled_sights, with_labels
from touchline.training.sight_figures import spotter_figures
from touchline.training.watched_matches import HELD_OUT, LEARN, WatchPlan, watched_matches

EPOCHS = 8
LEAST_TO_LEARN = 100
"""A label that occurs less often, counted in every film of a match, is not learned: a few penalties teach nothing."""


def train_spotter(footage: Path, output: Path, settings: Settings, *, epochs: int | None = None,
                  matches: int | None = None, seed: int = 1) -> None:
    """Write the spotter to the folder `output` and print how it does on the held-out matches as JSON.

    Matches are played once and kept below `footage`. The same `seed`, `matches` and threads make the same spotter.
    """
    learn = replace(LEARN, seeds=LEARN.seeds[:matches])
    films = [film for _, film in _films(footage, learn)]
    counts = Counter(column for film in films for _, column, _ in film.actions)
    labels = tuple(label for column, label in enumerate(LABELS) if counts[column] >= LEAST_TO_LEARN)
    network = train_sight_network([with_labels(film, labels) for film in films], len(labels), epochs=epochs or EPOCHS,
                                  seed=seed, threads=settings.max_workers)
    recipe = {"plan": asdict(learn), "epochs": epochs or EPOCHS, "seed": seed}
    keep_spotter(network, labels, recipe, output)
    kinds: dict[str, list[LabelledSights]] = {}
    for kind, film in _films(footage, HELD_OUT):
        kinds.setdefault(kind, []).append(with_labels(film, labels))
    print(json.dumps(spotter_figures(network, kinds, labels), indent=1))


def _films(footage: Path, plan: WatchPlan) -> list[tuple[str, LabelledSights]]:
    return [film for match in watched_matches(footage, plan) for film in labelled_sights(match, LABELS)]

