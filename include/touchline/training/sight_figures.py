"""How good is the spotter on matches that it has not seen? In SoccerNet's measures, per camera kind and per input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from touchline.domain.action import Spotting
from touchline.inference.sight_columns import INPUTS
from touchline.inference.sight_network import SightNetwork, answers
from touchline.inference.sight_spotter import peaks
from touchline.inference.sight_training import LabelledSights
from touchline.seeing.sight import STEP_MS
from touchline.training.baselines import uniform
from touchline.training.spotting_figures import (
    SpottedFilm,
    goal_figures,
    near_precision,
    soccernet_figures,
    team_share,
)

GOAL_THRESHOLDS = (0.3, 0.5, 0.8)


def spotter_figures(network: SightNetwork, films: Mapping[str, Sequence[LabelledSights]],
                    labels: Sequence[str]) -> dict[str, Any]:
    """Per kind of camera: all inputs, each left out in turn, sound alone, and a baseline.

    SoccerNet's evaluator takes its time, so the comparisons are made by the average precision within ±2 s.
    """
    return {kind: _of_kind(network, one, labels) for kind, one in films.items()}


def found_figures(network: SightNetwork, films: Sequence[LabelledSights], labels: Sequence[str]) -> dict[str, Any]:
    """With all inputs alone."""
    found = [_spotted(film, peaks(answers(network, film.features), labels), labels) for film in films]
    return {**soccernet_figures(found), **_near(found)}


def _of_kind(network: SightNetwork, films: Sequence[LabelledSights], labels: Sequence[str]) -> dict[str, Any]:
    def spotted(missing: frozenset[str] = frozenset()) -> list[SpottedFilm]:
        return [_spotted(film, peaks(answers(network, film.features, missing), labels), labels) for film in films]

    without = {f"without {name}": frozenset({name}) for name in INPUTS}
    without["sound alone"] = frozenset(INPUTS) - {"sound"}
    compared = {name: _near(spotted(missing)) for name, missing in without.items()}
    compared["baseline: every label every 10 s"] = _near(
        [_spotted(film, uniform(_length_ms(film), labels), labels) for film in films])
    with_all = spotted()
    return {**soccernet_figures(with_all), **_near(with_all), "team": team_share(with_all), "compared": compared}


def _spotted(film: LabelledSights, found: Sequence[Spotting], labels: Sequence[str]) -> SpottedFilm:
    truth = tuple(Spotting(ms, labels[column], 1.0, float(team)) for ms, column, team in film.actions)
    return SpottedFilm(_length_ms(film), truth, tuple(found))


def _length_ms(film: LabelledSights) -> int:
    return len(film.features.steps) * STEP_MS


def _near(films: Sequence[SpottedFilm]) -> dict[str, Any]:
    return {"within 2 s": near_precision(films),
            "goals": {str(least): goal_figures(films, least) for least in GOAL_THRESHOLDS}}
