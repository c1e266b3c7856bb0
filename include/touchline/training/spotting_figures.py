"""How well do spottings agree with what happened? Measures over films, whoever made the spottings."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from touchline.domain.action import Spotting
from touchline.exports.evaluator import METRICS, evaluate_matches
from touchline.exports.soccernet import Moment
from touchline.inference.measuring import average_precision

LEAST_INSTANCES = 10
"""A label that occurs less often says nothing about how well it is found."""
APART_MS = 90_000
HALF_MS = 115 * 60_000
"""Films are laid end to end, a minute and a half apart, in halves of matches; SoccerNet's vectors hold two hours a half
and two halves a match, and the time that it takes goes with the matches."""
NINETY_MINUTES_MS = 5_400_000
GOAL_WITHIN_MS = 5000
SHOTS = frozenset({"Shots on target", "Shots off target"})
SHOT_WITHIN_MS = 5000
NEAR_MS = 2000
BINS = 10
CERTAINTY = 0.95


@dataclass(frozen=True, slots=True)
class SpottedFilm:
    """A film of this length, what happened in it (confidence 1), and what was spotted."""

    length_ms: int
    truth: tuple[Spotting, ...]
    spotted: tuple[Spotting, ...]


Films = Sequence[SpottedFilm]


def counts_of(films: Films) -> Counter[str]:
    """How often each label is true."""
    return Counter(one.label for film in films for one in film.truth)


def soccernet_figures(films: Films) -> dict[str, Any]:
    """Average mAP, tight and loose, over the labels that occur often enough, and each label's part in it."""
    often = _often(films)
    scores = evaluate_matches(_end_to_end([_only(film, often) for film in films]))
    each = {label: {"truth": scores.labels[label].truth, **{
        metric: round(scores.labels[label].average_precision[metric], 3) for metric in METRICS}} for label in often}
    means = {metric: _mean([one[metric] for one in each.values()]) for metric in METRICS}
    return {**means, "minutes": round(sum(film.length_ms for film in films) / 60_000), "labels": each}


def near_precision(films: Films) -> float | None:
    """Mean average precision within ±2 s over the labels that occur often enough: quicker than SoccerNet's."""
    return _mean([_near_precision(films, label) for label in _often(films)])


def goal_figures(films: Films, least: float = 0.0) -> dict[str, Any]:
    """Goals found within 5 s, and false ones per 90 minutes with their bound, from this confidence on."""
    goals = counts_of(films)["Goal"]
    right = [is_right for film in films for one, is_right in _judged(film, frozenset({"Goal"}), GOAL_WITHIN_MS)
             if one.confidence >= least]
    hits, wrong = sum(right), len(right) - sum(right)
    matches = sum(film.length_ms for film in films) / NINETY_MINUTES_MS
    return {"goals": goals, "found": hits, "recall": round(hits / goals, 3) if goals else None, "false": wrong,
            "false per 90 min": round(wrong / matches, 2), "bound": round(most_expected(wrong) / matches, 2)}


def shot_figures(films: Films) -> dict[str, Any]:
    """Precision, recall and F1 of shots within 5 s; on and off target count as one, and each true shot once."""
    right = [is_right for film in films for _, is_right in _judged(film, SHOTS, SHOT_WITHIN_MS)]
    shots, hits = sum(counts_of(films)[label] for label in SHOTS), sum(right)
    return {"shots": shots, "found": hits, "false": len(right) - hits,
            "precision": round(hits / len(right), 3) if right else None,
            "recall": round(hits / shots, 3) if shots else None,
            "f1": round(2 * hits / (shots + len(right)), 3) if shots + len(right) else None}


def calibration_error(films: Films) -> dict[str, Any]:
    """How far confidence lies from the share that is right within ±2 s: expected calibration error.

    Ten bins of equal width, each weighted by its spottings (Naeini, Cooper and Hauskrecht, AAAI 2015). `bins` holds
    [spottings, mean confidence, share that is right] of those that are not empty.
    """
    judged = [(one.confidence, is_right) for film in films for label in {one.label for one in film.spotted}
              for one, is_right in _judged(film, frozenset({label}), NEAR_MS)]
    if not judged:
        return {"error": None, "spottings": 0, "bins": []}
    confidence, right = np.array(judged, dtype=np.float64).T
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = [(int(here.sum()), float(confidence[here].mean()), float(right[here].mean()))
            for here in (place == number for number in range(BINS)) if here.any()]
    error = sum(count * abs(sure - share) for count, sure, share in bins) / len(judged)
    return {"error": round(error, 3), "spottings": len(judged),
            "bins": [[count, round(sure, 3), round(share, 3)] for count, sure, share in bins]}


def team_share(films: Films, least: float = 0.3) -> float | None:
    """Of the actions that were spotted within ±2 s from this confidence on: the share with the right team."""
    right = []
    for film in films:
        for true in film.truth:
            near = [one for one in film.spotted if one.label == true.label and one.confidence >= least
                    and abs(one.match_ms - true.match_ms) <= NEAR_MS]
            if near:
                best = max(near, key=lambda one: one.confidence)
                right.append(float((best.away_share > 0.5) == (true.away_share > 0.5)))
    return _mean(right)


def most_expected(count: int, certainty: float = CERTAINTY) -> float:
    """The largest mean of a Poisson distribution that gives so few with a probability of at least 1 - `certainty`.

    The exact one-sided upper bound of Garwood (Biometrika 28, 1936): 3.0 for none, 4.74 for one, 6.30 for two.
    """
    low, high = float(count), count + 10.0 + 5.0 * math.sqrt(count)
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(count, middle) > 1 - certainty else (low, middle)
    return high


def _at_most(count: int, mean: float) -> float:
    """Probability that a Poisson distribution of this mean gives at most so many."""
    logs = (number * math.log(mean) - mean - math.lgamma(number + 1) for number in range(count + 1))
    return math.fsum(math.exp(log) for log in logs) if mean else 1.0


def _judged(film: SpottedFilm, labels: frozenset[str], reach_ms: int) -> Iterator[tuple[Spotting, bool]]:
    """Spottings of these labels, the surest first, and whether a true one lies near; each true one counts once."""
    left = [one.match_ms for one in film.truth if one.label in labels]
    for one in sorted((one for one in film.spotted if one.label in labels), key=lambda one: -one.confidence):
        near = [ms for ms in left if abs(ms - one.match_ms) <= reach_ms]
        if near:
            left.remove(min(near, key=lambda ms: abs(ms - one.match_ms)))
        yield one, bool(near)


def _near_precision(films: Films, label: str) -> float:
    judged = [one for film in films for one in _judged(film, frozenset({label}), NEAR_MS)]
    return average_precision([one.confidence for one, _ in judged], [is_right for _, is_right in judged],
                             counts_of(films)[label])


def _often(films: Films) -> list[str]:
    return sorted(label for label, count in counts_of(films).items() if count >= LEAST_INSTANCES)


def _only(film: SpottedFilm, labels: Sequence[str]) -> SpottedFilm:
    """The film with these labels and no others: each takes the evaluator a second."""
    truth, spotted = (tuple(one for one in found if one.label in labels) for found in (film.truth, film.spotted))
    return SpottedFilm(film.length_ms, truth, spotted)


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 3) if values else None


def _end_to_end(films: Films) -> list[tuple[list[Moment], list[Moment]]]:
    """Films as matches of SoccerNet's, (truth, predictions), each with two halves full of them."""
    matches: list[tuple[list[Moment], list[Moment]]] = [([], [])]
    half, offset = 1, 0
    for film in films:
        if offset + film.length_ms > HALF_MS:
            half, offset = half + 1, 0
        if half > 2:
            matches.append(([], []))
            half = 1
        for moments, found in zip(matches[-1], (film.truth, film.spotted), strict=True):
            moments += [Moment(half, offset + one.match_ms, one.label, one.confidence) for one in found]
        offset += film.length_ms + APART_MS
    return matches
