"""How good is the spotter on matches that it has not seen? In SoccerNet's measures, per camera kind and per input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from touchline.domain.action import Spotting
from touchline.exports.evaluator import METRICS, Evaluation, evaluate_spottings
from touchline.exports.soccernet import Moment
from touchline.inference.sight_columns import INPUTS
from touchline.inference.sight_network import SightNetwork, probabilities
from touchline.inference.sight_spotter import peaks
from touchline.inference.sight_training import LabelledSights
from touchline.seeing.sight import STEP_MS

LEAST_INSTANCES = 10
"""A label that occurs less often says nothing about how well it is found."""
APART_MS = 90_000
HALF_MS = 115 * 60_000
"""Films are laid end to end in two halves, a minute and a half apart; SoccerNet's vectors hold two hours a half."""
GOAL_THRESHOLDS = (0.3, 0.5, 0.8)
GOAL_WITHIN_MS = 5000
EVERY_MS = 10_000
Films = Sequence[LabelledSights]


def spotter_figures(network: SightNetwork, films: Mapping[str, Films], labels: Sequence[str]) -> dict[str, Any]:
    """Per kind of camera: all inputs, each left out in turn, sound alone, and two baselines."""
    return {kind: _of_kind(network, one, labels) for kind, one in films.items()}


def _of_kind(network: SightNetwork, films: Films, labels: Sequence[str]) -> dict[str, Any]:
    everything = measure(films, [probabilities(network, film.features) for film in films], labels)
    without = {f"without {name}": frozenset({name}) for name in INPUTS}
    without["sound alone"] = frozenset(INPUTS) - {"sound"}
    left_out = {}
    for name, missing in without.items():
        found = measure(films, [probabilities(network, film.features, missing) for film in films], labels)
        left_out[name] = {key: found[key] for key in (*METRICS, "goals")}
    uniform = measure(films, [_uniform(film, len(labels)) for film in films], labels)
    return {**everything, "left out": left_out, "baseline: every 10 s": {key: uniform[key] for key in METRICS}}


def measure(films: Films, found: Sequence[NDArray[np.float32]], labels: Sequence[str]) -> dict[str, Any]:
    """Average mAP over the labels that occur often enough, each label's part in it, and goals."""
    spotted = [peaks(one, labels) for one in found]
    truth = [[Spotting(ms, labels[column], 1.0) for ms, column in film.actions] for film in films]
    lengths = [len(film.features.steps) * STEP_MS for film in films]
    scores = evaluate_spottings(_end_to_end(truth, lengths), _end_to_end(spotted, lengths))
    often = [label for label, count in Counter(one.label for film in truth for one in film).items()
             if count >= LEAST_INSTANCES]
    return {**{metric: _mean(scores, often, metric) for metric in METRICS},
            "minutes": round(sum(lengths) / 60_000),
            "labels": {label: {"truth": scores.labels[label].truth, **{
                metric: round(scores.labels[label].average_precision[metric], 3) for metric in METRICS}}
                for label in sorted(often)},
            "goals": {str(least): _goals(truth, spotted, sum(lengths), least) for least in GOAL_THRESHOLDS}}


def _mean(scores: Evaluation, labels: Sequence[str], metric: str) -> float | None:
    if not labels:
        return None
    return round(float(np.mean([scores.labels[label].average_precision[metric] for label in labels])), 3)


def _uniform(film: LabelledSights, labels: int) -> NDArray[np.float32]:
    found = np.zeros((len(film.features.steps), labels), np.float32)
    found[:: EVERY_MS // STEP_MS] = 0.5
    return found


def _end_to_end(films: Sequence[Sequence[Spotting]], lengths: Sequence[int]) -> list[Moment]:
    """Two halves of SoccerNet's, filled with as many films as go into them."""
    moments, half, offset = [], 1, 0
    for film, length in zip(films, lengths, strict=True):
        if offset + length > HALF_MS:
            half, offset = half + 1, 0
        if half > 2:
            raise ValueError("more than two halves of films: measure fewer at once")
        moments += [Moment(half, offset + one.match_ms, one.label, one.confidence) for one in film]
        offset += length + APART_MS
    return moments


def _goals(truth: Sequence[Sequence[Spotting]], spotted: Sequence[Sequence[Spotting]], length_ms: int,
           least: float) -> dict[str, Any]:
    """Goals found, and false ones per 90 minutes, from this confidence on."""
    goals = hits = wrong = 0
    for film, found in zip(truth, spotted, strict=True):
        left = [one.match_ms for one in film if one.label == "Goal"]
        goals += len(left)
        for one in sorted(found, key=lambda one: -one.confidence):
            if one.label != "Goal" or one.confidence < least:
                continue
            near = [ms for ms in left if abs(ms - one.match_ms) <= GOAL_WITHIN_MS]
            hits, wrong = hits + bool(near), wrong + (not near)
            if near:
                left.remove(min(near, key=lambda ms: abs(ms - one.match_ms)))
    return {"goals": goals, "recall": round(hits / goals, 3) if goals else None,
            "false per 90 min": round(wrong * 5_400_000 / length_ms, 2)}
