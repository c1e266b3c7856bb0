"""How does the spotter learn? From stretches of watched matches, in a mirror or not, with inputs left out at random."""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from touchline.inference.sight_columns import (
    INPUTS,
    PERSON,
    STEP,
    exchanged_teams,
    kept_columns,
    mirror_signs,
)
from touchline.inference.sight_features import SightFeatures
from touchline.inference.sight_network import SightNetwork
from touchline.inference.torchvision_nms import torch
from touchline.seeing.sight import STEP_MS

STRETCH = 400
"""Steps. A stretch is learned from as if the film began and ended with it: so the ends of films are learned as well."""
BATCH = 16
AT_ACTIONS = 0.6
"""Share of the stretches that lie about an action, the rarer the more often; the others lie anywhere."""
SOFT_MS = 500
"""Spread of the bell that is aimed at about an action."""
LEFT_OUT = {"people": 0.04, "shirts": 0.25, "ball": 0.2, "camera": 0.2, "grass": 0.2, "sound": 0.35}
"""Chance with which an input is missing in a stretch."""
LEARNING_RATE = 2e-3
TUNING_RATE = 5e-4
"""Of a spotter that is trained further."""
WEIGHT_DECAY = 0.02
WARM_UP = 0.05
AVERAGED = 0.99
LARGEST_WEIGHT = 4.0
TEAM_WEIGHT = 3.0, 0.5
"""How much "whose action is it?" counts beside "is it one?", at the beginning and at the end. With 0.3 all the time
nothing was learned of it, with 3 all the time less of the actions."""
REPORTS = 10
UNKNOWN_TEAM = -1


@dataclass(frozen=True, slots=True)
class LabelledSights:
    """One film as the spotter reads it, and its actions: (ms from its start, column of the label, acting team).

    Team 0 wears the shirt that sights call home, 1 the other, and UNKNOWN_TEAM nobody knows.
    """

    features: SightFeatures
    actions: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class _Batch:
    people: torch.Tensor
    present: torch.Tensor
    steps: torch.Tensor
    inside: torch.Tensor
    target: torch.Tensor
    away: torch.Tensor


def train_sight_network(films: Sequence[LabelledSights], labels: int, *, epochs: float, seed: int,
                        threads: int, begin: SightNetwork | None = None) -> SightNetwork:
    """Train until each step was seen `epochs` times on average. The same films, seed and threads, the same network.

    `begin` is a network for the same labels that is trained further, in smaller steps.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    rng = np.random.default_rng(seed)
    network = copy.deepcopy(begin).train() if begin else SightNetwork(labels)
    rate = TUNING_RATE if begin else LEARNING_RATE
    averaged = copy.deepcopy(network).requires_grad_(False)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=WEIGHT_DECAY)
    weights = _label_weights(films, labels)
    rounds = max(1, round(epochs * sum(len(film.features.steps) for film in films) / (BATCH * STRETCH)))
    started, losses = time.monotonic(), []
    for done in range(1, rounds + 1):
        for group in optimizer.param_groups:
            group["lr"] = rate * _pace(done / rounds)
        team_weight = float(np.interp(done / rounds, (0, 1), TEAM_WEIGHT))
        loss = _loss(network, _draw_batch(films, labels, rng), weights, team_weight)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        _average(averaged, network, done)
        losses.append(float(loss.detach()))
        if done % max(1, rounds // REPORTS) == 0:
            print(f"spotter {done / rounds:.0%}: loss {np.mean(losses):.4f}, {time.monotonic() - started:.0f} s",
                  file=sys.stderr, flush=True)
            losses.clear()
    return averaged.eval()


def _loss(network: SightNetwork, batch: _Batch, weights: torch.Tensor, team_weight: float) -> torch.Tensor:
    happens, away = network(batch.people, batch.present, batch.steps, batch.inside)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits
    each = entropy(happens, batch.target, pos_weight=weights, reduction="none")
    # Asked only where something happens, and where it is known who does it.
    whose = entropy(away, batch.away.nan_to_num(), reduction="none") * batch.target * ~batch.away.isnan()
    return ((each + team_weight * whose).sum(-1) * batch.inside).sum() / batch.inside.sum()


def _label_weights(films: Sequence[LabelledSights], labels: int) -> torch.Tensor:
    """What a positive step of a label counts: more for rare labels, within bounds."""
    counts = np.bincount([column for film in films for _, column, _ in film.actions], minlength=labels)
    weights = np.sqrt(np.median(counts) / np.maximum(counts, 1)).clip(1 / LARGEST_WEIGHT, LARGEST_WEIGHT)
    return torch.from_numpy(weights.astype(np.float32))


def _draw_batch(films: Sequence[LabelledSights], labels: int, rng: np.random.Generator) -> _Batch:
    stretches = [_draw_stretch(films, labels, rng) for _ in range(BATCH)]
    return _Batch(*(torch.from_numpy(np.stack(part)) for part in zip(*stretches, strict=True)))


def _draw_stretch(films: Sequence[LabelledSights], labels: int,
                  rng: np.random.Generator) -> tuple[NDArray[np.float32], ...]:
    film = films[int(rng.integers(len(films)))]
    count = len(film.features.steps)
    first = int(rng.integers(-STRETCH // 4, max(1, count - 3 * STRETCH // 4)))
    if film.actions and rng.random() < AT_ACTIONS:
        first = _rare_action(film, rng) // STEP_MS - int(rng.integers(0, STRETCH))
    low, end = max(0, first), min(count, first + STRETCH)
    place = slice(low - first, end - first)
    people = np.zeros((STRETCH, *film.features.people.shape[1:]), np.float32)
    present, steps = np.zeros(people.shape[:2], np.float32), np.zeros((STRETCH, len(STEP)), np.float32)
    inside = np.zeros(STRETCH, np.float32)
    people[place], present[place] = film.features.people[low:end], film.features.present[low:end]
    steps[place], inside[place] = film.features.steps[low:end], 1.0
    target, away = soft_targets(film.actions, labels, first, STRETCH)
    people, present, steps, is_exchanged = _varied(people, present, steps, rng)
    return people, present, steps, inside, target, 1 - away if is_exchanged else away


def _rare_action(film: LabelledSights, rng: np.random.Generator) -> int:
    """The time of one of the film's actions; each label is as likely as every other."""
    column = rng.choice(sorted({column for _, column, _ in film.actions}))
    return int(rng.choice([ms for ms, one, _ in film.actions if one == column]))


def soft_targets(actions: Sequence[tuple[int, int, int]], labels: int, first: int,
                 count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two [count, labels] from step `first` on: a bell about each action, 1 at its height; and whether team 1 acts.

    Of a team that is not known the second is NaN.
    """
    target, away = np.zeros((count, labels), np.float32), np.zeros((count, labels), np.float32)
    times = (first + np.arange(count)) * STEP_MS
    for moment, column, team in actions:
        if times[0] - 4 * SOFT_MS < moment < times[-1] + 4 * SOFT_MS:
            bell = np.exp(-(((times - moment) / SOFT_MS) ** 2) / 2)
            away[bell > target[:, column], column] = np.nan if team == UNKNOWN_TEAM else team
            target[:, column] = np.maximum(target[:, column], bell)
    return target, away


def _varied(people: NDArray[np.float32], present: NDArray[np.float32], steps: NDArray[np.float32],
            rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], bool]:
    missing = frozenset(name for name in INPUTS if rng.random() < LEFT_OUT[name])
    of_person, of_step = kept_columns(PERSON, missing), kept_columns(STEP, missing)
    if rng.random() < 0.5:
        of_person, of_step = of_person * mirror_signs(PERSON), of_step * mirror_signs(STEP)
    people, steps = people * of_person, steps * of_step
    is_exchanged = rng.random() < 0.5
    if is_exchanged:
        people, steps = people[..., exchanged_teams(PERSON)], steps[..., exchanged_teams(STEP)]
    return people, present * np.float32("people" not in missing), steps, is_exchanged


def _pace(done: float) -> float:
    return min(1.0, done / WARM_UP) * (0.02 + 0.49 * (1 + math.cos(math.pi * done)))


def _average(averaged: SightNetwork, network: SightNetwork, done: int) -> None:
    keep = min(AVERAGED, (1 + done) / (10 + done))
    with torch.no_grad():
        for mean, value in zip(averaged.parameters(), network.parameters(), strict=True):
            mean.lerp_(value.detach(), 1 - keep)
