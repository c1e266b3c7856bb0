"""Score spottings against the truth with SoccerNet's own evaluator."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from touchline.exports.evaluator import METRICS, Evaluation, evaluate_spottings
from touchline.exports.soccernet import read_labels, read_predictions
from touchline.results.files import write_json


def evaluate(truth: Path, predictions: Path, json_path: Path | None = None) -> dict[str, Any]:
    """Print the scores as a table, warnings on stderr; returns them, and writes them to `json_path` if it is given.

    Raises:
        UsageError: a file cannot be read or is malformed; the message names file and entry.
        TouchlineError: the package SoccerNet is not installed.
    """
    evaluation = evaluate_spottings(read_labels(truth), read_predictions(predictions))
    for warning in evaluation.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print("\n".join(score_table(evaluation)))
    scores = {**asdict(evaluation), "warnings": list(evaluation.warnings)}
    if json_path is not None:
        write_json(json_path, scores)
    return scores


def score_table(evaluation: Evaluation) -> Iterator[str]:
    """The lines of the table: one per label that occurs or was predicted, then both means."""
    yield f"{'label':<34}{'truth':>6}{'predicted':>11}" + "".join(f"{metric:>8}" for metric in METRICS)
    for label, score in sorted(evaluation.labels.items()):
        if score.truth or score.predicted:
            row = f"{label:<34}{score.truth:>6}{score.predicted:>11}"
            yield row + "".join(
                f"{score.average_precision[metric]:>8.3f}" if score.truth else f"{'–':>8}" for metric in METRICS
            )
    occurring = sum(1 for score in evaluation.labels.values() if score.truth)
    yield _mean_row(f"mean over the {occurring} labels that occur", evaluation.mean_occurring)
    yield _mean_row(f"SoccerNet's mean over all {len(evaluation.labels)} labels*", evaluation.mean_all)
    yield "* average-mAP: a label that never occurs in the truth counts as 0 in it."
    yield "  " + "; ".join(f"{metric}: {meaning}" for metric, meaning in METRICS.items()) + "."


def _mean_row(title: str, means: Any) -> str:
    return f"{title:<51}" + "".join(
        f"{'–':>8}" if means[metric] is None else f"{means[metric]:>8.3f}" for metric in METRICS
    )
