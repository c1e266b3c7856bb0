"""How good is the spotter on matches that it has not seen? In SoccerNet's measures, per camera kind and per input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from touchline.domain.action import Spotting
from touchline.exports.evaluator import METRICS, evaluate_spottings
from touchline.exports.soccernet import Moment
from touchline.inference.measuring import average_precision
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
NEAR_MS = 2000
EVERY_MS = 10_000
Films = Sequence[LabelledSights]
Spotted = Sequence[Sequence[Spotting]]


def spotter_figures(network: SightNetwork, films: Mapping[str, Films], labels: Sequence[str]) -> dict[str, Any]:
    """Per kind of camera: all inputs, each left out in turn, sound alone, and a baseline.

    SoccerNet's evaluator takes its time, so the comparisons are made by the average precision within ±2 s.
    """
    return {kind: _of_kind(network, one, labels) for kind, one in films.items()}


def _of_kind(network: SightNetwork, films: Films, labels: Sequence[str]) -> dict[str, Any]:
    spotted = [peaks(probabilities(network, film.features), labels) for film in films]
    without = {f"without {name}": frozenset({name}) for name in INPUTS}
    without["sound alone"] = frozenset(INPUTS) - {"sound"}
    compared = {name: [peaks(probabilities(network, film.features, missing), labels) for film in films]
                for name, missing in without.items()}
    compared["baseline: every label every 10 s"] = [peaks(_uniform(film, len(labels)), labels) for film in films]
    return {**soccernet_figures(films, spotted, labels), **near_figures(films, spotted, labels),
            "compared": {name: near_figures(films, found, labels) for name, found in compared.items()}}


def soccernet_figures(films: Films, spotted: Spotted, labels: Sequence[str]) -> dict[str, Any]:
    """Average mAP, tight and loose, over the labels that occur often enough, and each label's part in it."""
    truth, lengths = _truth(films, labels), _lengths(films)
    scores = evaluate_spottings(_end_to_end(truth, lengths), _end_to_end(spotted, lengths))
    often = _often(truth)
    each = {label: {"truth": scores.labels[label].truth, **{
        metric: round(scores.labels[label].average_precision[metric], 3) for metric in METRICS}} for label in often}
    means = {metric: _mean([one[metric] for one in each.values()]) for metric in METRICS}
    return {**means, "minutes": round(sum(lengths) / 60_000), "labels": each}


def near_figures(films: Films, spotted: Spotted, labels: Sequence[str]) -> dict[str, Any]:
    """Mean average precision within ±2 s over the labels that occur often enough; goals found and false ones."""
    truth = _truth(films, labels)
    each = [_near_precision(truth, spotted, label) for label in _often(truth)]
    goals = {str(least): _goals(truth, spotted, sum(_lengths(films)), least) for least in GOAL_THRESHOLDS}
    return {"within 2 s": _mean(each), "goals": goals}


def _near_precision(truth: Spotted, spotted: Spotted, label: str) -> float:
    scores, correct, total = [], [], 0
    for film, found in zip(truth, spotted, strict=True):
        left = [one.match_ms for one in film if one.label == label]
        total += len(left)
        for one in sorted((one for one in found if one.label == label), key=lambda one: -one.confidence):
            scores.append(one.confidence)
            correct.append(_take(left, one.match_ms, NEAR_MS))
    return average_precision(scores, correct, total)


def _take(left: list[int], moment: int, reach_ms: int) -> bool:
    """Whether one of the true moments lies near; it is taken out, so that it counts once."""
    near = [ms for ms in left if abs(ms - moment) <= reach_ms]
    if near:
        left.remove(min(near, key=lambda ms: abs(ms - moment)))
    return bool(near)


def _truth(films: Films, labels: Sequence[str]) -> list[list[Spotting]]:
    return [[Spotting(ms, labels[column], 1.0) for ms, column in film.actions] for film in films]


def _lengths(films: Films) -> list[int]:
    return [len(film.features.steps) * STEP_MS for film in films]


def _often(truth: Spotted) -> list[str]:
    counts = Counter(one.label for film in truth for one in film)
    return sorted(label for label, count in counts.items() if count >= LEAST_INSTANCES)


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 3) if values else None


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
        moments += [Moment(half, offset + one.match_ms, one.label, one.confidence) for one in film]
        offset += length + APART_MS
    return moments


def _goals(truth: Spotted, spotted: Spotted, length_ms: int, least: float) -> dict[str, Any]:
    """Goals found, and false ones per 90 minutes, from this confidence on."""
    goals = hits = wrong = 0
    for film, found in zip(truth, spotted, strict=True):
        left = [one.match_ms for one in film if one.label == "Goal"]
        goals += len(left)
        for one in sorted(found, key=lambda one: -one.confidence):
            if one.label == "Goal" and one.confidence >= least:
                is_hit = _take(left, one.match_ms, GOAL_WITHIN_MS)
                hits, wrong = hits + is_hit, wrong + (not is_hit)
    return {"goals": goals, "recall": round(hits / goals, 3) if goals else None,
            "false per 90 min": round(wrong * 5_400_000 / length_ms, 2)}
