"""How good are spottings? SoccerNet's own evaluator says it, with our two labels added to its table.

It is the evaluator of the package `SoccerNet` (0.2.0), called as it is for the labels that the truth has. Left alone it
drops labels that it does not know, halves after the second and everything past two hours without a word; a warning here
says so.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from touchline.domain.half import game_time
from touchline.domain.label import ADDED_LABELS, SOCCERNET_LABELS
from touchline.errors import TouchlineError
from touchline.exports.soccernet import Moment

METRICS = {"tight": "tolerance 1 to 5 s", "loose": "tolerance 5 to 60 s"}
_FRAME_RATE = 2
_LONGEST_HALF_MS = 120 * 60_000
"""SoccerNet's vectors: two per second, two hours per half."""


@dataclass(frozen=True)
class LabelScore:
    """One label: how often it is in the truth and in the predictions, its average precision by metric (0…1)."""

    truth: int
    predicted: int
    average_precision: Mapping[str, float]


@dataclass(frozen=True)
class Evaluation:
    """Scores by label, and per metric two means.

    `mean_all` is SoccerNet's average-mAP: over every label of the table, where one that never occurs counts 0.
    `mean_occurring` is over the labels that the truth has; None where it has none.
    """

    labels: Mapping[str, LabelScore]
    mean_all: Mapping[str, float]
    mean_occurring: Mapping[str, float | None]
    warnings: tuple[str, ...]


def evaluate_spottings(truth: Sequence[Moment], predictions: Sequence[Moment]) -> Evaluation:
    """Score the predictions of one match; errors as in `evaluate_matches`."""
    return evaluate_matches([(truth, predictions)])


def evaluate_matches(matches: Sequence[tuple[Sequence[Moment], Sequence[Moment]]]) -> Evaluation:
    """Score the predictions of several matches together, each given as (truth, predictions).

    Raises:
        TouchlineError: the package SoccerNet is not installed.
    """
    spotting = _soccernet("SoccerNet.Evaluation.ActionSpotting")
    truth = [moment for one, _ in matches for moment in one]
    predictions = [moment for _, one in matches for moment in one]
    table = event_table()
    averages: dict[str, Mapping[str, float]] = {}
    mean_all = {}
    # Labels do not touch each other's scores, and one without truth scores 0: only the others are asked for.
    asked = {label: number for number, label in enumerate(
        label for label in table if any(moment.label == label for moment in truth))}
    with tempfile.TemporaryDirectory() as folder:
        for number, match in enumerate(matches):
            _write_files(Path(folder), f"match-{number:04d}", *match)
        for metric in METRICS:
            found = _run(spotting, Path(folder), metric, asked)["a_mAP_per_class"] if asked else []
            averages[metric] = {label: float(found[asked[label]]) if label in asked else 0.0 for label in table}
            mean_all[metric] = sum(averages[metric].values()) / len(table)
    known = Counter(moment.label for moment in truth), Counter(moment.label for moment in predictions)
    labels = {
        label: LabelScore(known[0][label], known[1][label], {metric: averages[metric][label] for metric in METRICS})
        for label in table
    }
    occurring = [score for score in labels.values() if score.truth]
    mean_occurring = {
        metric: sum(score.average_precision[metric] for score in occurring) / len(occurring) if occurring else None
        for metric in METRICS
    }
    warnings = tuple(line for match in matches for line in warnings_about(*match, table))
    return Evaluation(labels, mean_all, mean_occurring, warnings)


def event_table() -> dict[str, int]:
    """SoccerNet's event dictionary (label → class number) with Save and Goal kick behind its 17."""
    table = dict(_soccernet("SoccerNet.Evaluation.utils").EVENT_DICTIONARY_V2)
    if set(table) != set(SOCCERNET_LABELS):
        raise TouchlineError("the installed SoccerNet has another table of labels: install SoccerNet==0.2.0")
    for label in ADDED_LABELS:
        table[label] = len(table)
    return table


def _soccernet(name: str) -> ModuleType:
    """Import a module of SoccerNet, which changes numpy's global error state: that is set back."""
    with np.errstate():
        try:
            return importlib.import_module(name)
        except ImportError as error:
            raise TouchlineError(
                f"SoccerNet's evaluator cannot be loaded ({error}): pip install --no-deps SoccerNet==0.2.0"
            ) from None


def _run(spotting: ModuleType, folder: Path, metric: str, table: Mapping[str, int]) -> Mapping[str, Any]:
    """Call SoccerNet's `evaluate`; its divisions by zero mean 0 and its progress bars are not shown."""
    with np.errstate(divide="ignore", invalid="ignore"), contextlib.redirect_stderr(io.StringIO()):
        scores: Mapping[str, Any] = spotting.evaluate(
            str(folder / "truth"),
            str(folder / "predictions"),
            prediction_file="results_spotting.json",
            label_files="Labels-v2.json",
            metric=metric,
            framerate=_FRAME_RATE,
            dataset=None,
            EVENT_DICTIONARY=dict(table),
        )
    return scores


def _write_files(folder: Path, name: str, truth: Sequence[Moment], predictions: Sequence[Moment]) -> None:
    """Write both files of a match again, in SoccerNet's folders, in the one form that its parser reads right."""
    annotations = [
        {
            # The time is taken from `position`; of this only the half, but it must have two digits of minutes.
            "gameTime": game_time(moment.half, moment.position_ms % 3_600_000),
            "label": moment.label,
            "position": str(moment.position_ms),
            "visibility": "visible" if moment.visible else "not shown",
        }
        for moment in truth
        if moment.half <= 2
    ]
    predicted = [
        {
            "label": moment.label,
            "position": str(moment.position_ms),
            "half": str(moment.half),
            "confidence": moment.confidence,
        }
        for moment in predictions
    ]
    _write(folder / "truth" / name / "Labels-v2.json", {"annotations": annotations})
    _write(folder / "predictions" / name / "results_spotting.json", {"predictions": predicted})


def _write(path: Path, content: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))


def warnings_about(truth: Sequence[Moment], predictions: Sequence[Moment], table: Mapping[str, int]) -> Iterator[str]:
    """What the evaluator leaves out or changes without saying so, one line each."""
    for name, moments in (("truth", truth), ("predictions", predictions)):
        unknown = Counter(moment.label for moment in moments if moment.label not in table)
        for label, count in sorted(unknown.items()):
            yield f"{count} of the {name} carry the label {label!r}, which no table knows: not scored"
        later = sum(1 for moment in moments if moment.half not in (1, 2))
        if later:
            yield f"{later} of the {name} lie in another half than 1 and 2: SoccerNet does not score them"
        beyond = sum(1 for moment in moments if moment.position_ms >= _LONGEST_HALF_MS)
        if beyond:
            yield f"{beyond} of the {name} lie past 120 minutes of a half: SoccerNet moves them to its end"
        places = {(moment.half, moment.position_ms * _FRAME_RATE // 1000, moment.label) for moment in moments}
        if len(places) < len(moments):
            yield f"{len(moments) - len(places)} of the {name} share a half-second with one of their label: one counts"
