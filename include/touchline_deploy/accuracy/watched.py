"""What does the spotter alone find in the frozen matches, watched without a picture, a detector and a fusion?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from touchline.domain.label import LABELS
from touchline.inference.sight_spotter import SightSpotter
from touchline.inference.sight_training import LabelledSights
from touchline.simulator.sights import CLEAR
from touchline.training.frozen_set import FrozenMatch
from touchline.training.labelled_sights import labelled_sights, with_labels
from touchline.training.sight_figures import spotter_figures
from touchline.training.watched_matches import WatchPlan, watched_matches


def watched_figures(spotter: Path, matches: Sequence[FrozenMatch], seconds: int, kept: Path) -> dict[str, Any]:
    """Figures per kind of camera and of all films: "as seen", with errors drawn from wide ranges, and "clear".

    Matches are watched once and kept below `kept`.
    """
    model = SightSpotter(spotter)
    found = {}
    for name, noise in (("as seen", None), ("clear", CLEAR)):
        kinds: dict[str, list[LabelledSights]] = {}
        for match in matches:
            plan = WatchPlan("frozen", seconds, (match.seed,), (match.kind,), 0.0)
            for watched in watched_matches(kept, plan):
                films = [with_labels(film, model.labels) for _, film in labelled_sights(watched, LABELS, noise=noise)]
                kinds.setdefault(match.kind, []).extend(films)
        kinds["all"] = [film for films in kinds.values() for film in films]
        found[name] = spotter_figures(model.network, kinds, model.labels)
    return found
