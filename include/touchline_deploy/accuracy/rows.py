"""What is measured of the runs of all films: one row for the pipeline, one for each guess that it has to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np

from touchline.domain.action import Spotting
from touchline.domain.label import LABELS
from touchline.results.result import digest_of
from touchline.simulator.camera import CAMERAS
from touchline.spotting.signals import signal_table
from touchline.training.baselines import motion_and_sound, uniform
from touchline.training.spotting_figures import (
    SpottedFilm,
    calibration_error,
    counts_of,
    goal_figures,
    shot_figures,
    soccernet_figures,
)
from touchline_deploy.accuracy.films import Film
from touchline_deploy.accuracy.runs import THRESHOLD, Run

ALL = "all"
MINUTE_MS = 60_000
HEARD_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of a film: everything by rank, the actions that a user gets, and those with the candidates.

    `is_heard`: its sound can be heard for half of its time.
    """

    kind: str
    is_heard: bool
    ranked: SpottedFilm
    actions: SpottedFilm
    shown: SpottedFilm


@dataclass(frozen=True, slots=True)
class Source:
    """Where a row comes from: its name, the command that makes it again, and whether the films were silent."""

    name: str
    command: str
    is_silent: bool = False


def rows_of(films: Sequence[Film], runs: Sequence[Run], source: Source) -> list[dict[str, Any]]:
    """The row of the pipeline, and those of the guesses on the same films."""
    head = {"date": date.today().isoformat(), "commit": ", ".join(sorted({one for run in runs for one in run.commits})),
            "command": source.command, "set": set_of(films), "films": [film.name for film in films]}
    models = {name: digest for run in runs for name, digest in run.models.items()}
    cheap = "motion without sound" if source.is_silent else "motion and sound"
    said: list[tuple[dict[str, Any], list[Answer]]] = [
        ({"name": source.name, "models": models, "cost": cost_of(runs)},
         [_answer(film, run) for film, run in zip(films, runs, strict=True)]),
        ({"name": "uniform"}, _guesses(films, runs, lambda run: uniform(run.length_ms, LABELS))),
        ({"name": cheap}, _guesses(films, runs, lambda run: motion_and_sound(run.scan)))]
    return [{**row, **head, "figures": figures_of(one), "goals": goals_by_sound(one)} for row, one in said]


def set_of(films: Sequence[Film]) -> str:
    """Eight digits that stand for these films: rows compare where they are the same."""
    return digest_of(sorted([film.name, film.seconds, film.digest] for film in films))[:8]


def figures_of(answers: Sequence[Answer]) -> dict[str, dict[str, Any]]:
    """The measures of all films together, and of each kind of camera."""
    kinds = [kind for kind in CAMERAS if any(one.kind == kind for one in answers)]
    groups = {ALL: list(answers), **{kind: [one for one in answers if one.kind == kind] for kind in kinds}}
    return {name: _measure(group) for name, group in groups.items()}


def goals_by_sound(answers: Sequence[Answer]) -> dict[str, dict[str, Any]]:
    """Goals of the films with sound and of those without."""
    groups = {name: [one.actions for one in answers if one.is_heard == is_heard]
              for name, is_heard in (("with sound", True), ("without sound", False))}
    return {name: {"films": len(group), **goal_figures(group)} for name, group in groups.items() if group}


def cost_of(runs: Sequence[Run]) -> dict[str, dict[str, float]]:
    """Per step: seconds by the clock and of processors per minute of match, and the largest peak of memory in MiB."""
    minutes = sum(run.length_ms for run in runs) / MINUTE_MS
    steps = list(dict.fromkeys(step for run in runs for step in run.costs))
    return {step: {
        **{key: round(sum(run.costs.get(step, {}).get(key, 0.0) for run in runs) / minutes, 3)
           for key in ("wall_s", "cpu_s")},
        "memory_mib": max(run.costs.get(step, {}).get("memory_mib", 0.0) for run in runs)} for step in steps}


def _measure(answers: Sequence[Answer]) -> dict[str, Any]:
    ranked = [one.ranked for one in answers]
    actions = [one.actions for one in answers]
    return {"films": len(answers), "truth": dict(sorted(counts_of(ranked).items())), **soccernet_figures(ranked),
            "goals": goal_figures(actions), "shots": shot_figures(actions),
            "calibration": calibration_error([one.shown for one in answers]),
            "calibration of all": calibration_error(ranked)["error"]}


def _answer(film: Film, run: Run) -> Answer:
    ranked = SpottedFilm(run.length_ms, film.truth, run.ranked)
    return Answer(film.match.kind, _is_heard(run), ranked, replace(ranked, spotted=run.actions),
                  replace(ranked, spotted=(*run.actions, *run.candidates)))


def _guesses(films: Sequence[Film], runs: Sequence[Run], guess: Callable[[Run], list[Spotting]]) -> list[Answer]:
    """A guess shows what is sure enough, as the pipeline does."""
    found = []
    for film, run in zip(films, runs, strict=True):
        ranked = SpottedFilm(run.length_ms, film.truth, tuple(guess(run)))
        sure = replace(ranked, spotted=tuple(one for one in ranked.spotted if one.confidence >= THRESHOLD))
        found.append(Answer(film.match.kind, _is_heard(run), ranked, sure, sure))
    return found


def _is_heard(run: Run) -> bool:
    loud = np.asarray(run.scan["loudness_db"]) > signal_table()["surge"]["silent_db"]
    return bool(len(loud)) and bool(loud.mean() >= HEARD_SHARE)


def with_rows(kept: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The content of `accuracy.json` with these rows in the place of those of the same names."""
    names = {row["name"] for row in rows}
    others = [row for row in kept.get("simulated", ()) if row["name"] not in names]
    return {**kept, "simulated": sorted([*others, *rows], key=lambda row: ("cost" in row, row["date"]))}
