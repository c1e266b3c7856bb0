"""Which simulated matches does the spotter learn from, and how were they watched? They are played once and kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

import numpy as np

from touchline.results.files import replacing
from touchline.simulator.camera import CAMERAS
from touchline.simulator.state import Noise
from touchline.simulator.tempo import DENSE, REAL, Tempo
from touchline.simulator.watching import ANY, EVERY, Watched, watch_cameras
from touchline.simulator.world import FPS, Array

FRAME_MS = 1000 // FPS


@dataclass(frozen=True, slots=True)
class WatchPlan:
    """A set of matches: their seeds, how long each is, and by which kinds of camera it is watched.

    `lively`: share of the matches in which more happens than in real ones, so that rare actions are learned from.
    """

    name: str
    seconds: int
    seeds: tuple[int, ...]
    kinds: tuple[str, ...]
    lively: float


LEARN = WatchPlan("learn", 1200, tuple(range(10_000, 10_200)), (*CAMERAS, ANY, ANY), 0.8)
TUNE = WatchPlan("tune", 1200, tuple(range(20_000, 20_006)), CAMERAS, 0.0)
HELD_OUT = WatchPlan("held-out", 1200, tuple(range(30_000, 30_012)), CAMERAS, 0.0)
"""Three sets that share no seed. Nothing is chosen by what the last one says."""


@dataclass(frozen=True, slots=True)
class WatchedMatch:
    """A match: its actions (ms from its start, label, acting team 0 or 1), noises, tension per frame, and what each
    camera showed.
    """

    seed: int
    seconds: int
    actions: tuple[tuple[int, str, int], ...]
    noises: tuple[Noise, ...]
    tension: Array
    cameras: tuple[tuple[str, int, Watched], ...]


def watched_matches(folder: Path, plan: WatchPlan) -> Iterator[WatchedMatch]:
    """The matches of a plan, one after the other; those that do not lie below `folder` yet are played first."""
    for done, seed in enumerate(plan.seeds, 1):
        place = match_place(folder, plan, seed)
        if not place.exists():
            keep_match(place, play_and_watch(plan, seed))
            print(f"watched {plan.name} {done}/{len(plan.seeds)}", file=sys.stderr, flush=True)
        yield kept_match(place)


def match_place(folder: Path, plan: WatchPlan, seed: int) -> Path:
    """Where a match of this plan lies."""
    return folder / f"{plan.name}-{plan.seconds}s-{len(plan.kinds)}" / f"seed-{seed}.npz"


def play_and_watch(plan: WatchPlan, seed: int) -> WatchedMatch:
    """Play the match of this seed; the second camera of a kind stands where that of another match would."""
    cameras = [(kind, seed + 100_000 * plan.kinds[:at].count(kind)) for at, kind in enumerate(plan.kinds)]
    score, watched = watch_cameras(plan.seconds, seed, cameras, tempo_of(plan, seed))
    actions = tuple((event.frame * FRAME_MS, event.label, event.team) for event in score.events)
    return WatchedMatch(seed, plan.seconds, actions, score.noises, score.tension,
                        tuple((*camera, one) for camera, one in zip(cameras, watched, strict=True)))


def tempo_of(plan: WatchPlan, seed: int) -> Tempo:
    """How real matches are played, or something between that and the dense ones of the demo."""
    rng = np.random.default_rng([seed, 14])
    if rng.random() >= plan.lively:
        return REAL
    share = float(rng.uniform(0.15, 0.7))

    def between(real: tuple[float, float], dense: tuple[float, float]) -> tuple[float, float]:
        return (real[0] ** share * dense[0] ** (1 - share), real[1] ** share * dense[1] ** (1 - share))

    rests = {label: between(span, DENSE.rests_s[label]) for label, span in REAL.rests_s.items()}
    return replace(
        REAL, rests_s=rests, shot_gap_s=between(REAL.shot_gap_s, DENSE.shot_gap_s),
        celebration_s=between(REAL.celebration_s, DENSE.celebration_s),
        keeper_holds_s=between(REAL.keeper_holds_s, DENSE.keeper_holds_s), booked_share=2 * REAL.booked_share,
        sent_off_share=4 * REAL.sent_off_share)


def keep_match(place: Path, match: WatchedMatch) -> None:
    """Write a match so that `kept_match` reads it; tension is kept once per step."""
    header = {"seed": match.seed, "seconds": match.seconds, "actions": match.actions,
              "noises": [astuple(noise) for noise in match.noises],
              "cameras": [(kind, seed) for kind, seed, _ in match.cameras]}
    arrays = {f"{at} {one.name}": getattr(watched, one.name) for at, (_, _, watched) in enumerate(match.cameras)
              for one in fields(Watched)}
    with replacing(place) as file:
        np.savez(file, header=np.array(json.dumps(header)), tension=match.tension[::EVERY].astype(np.float32), **arrays)


def kept_match(place: Path) -> WatchedMatch:
    """Read what `keep_match` wrote."""
    with np.load(place) as stored:
        header = json.loads(str(stored["header"]))
        watched = [Watched(**{one.name: stored[f"{at} {one.name}"] for one in fields(Watched)})
                   for at in range(len(header["cameras"]))]
        tension = np.repeat(stored["tension"].astype(np.float64), EVERY)
    cameras = tuple((kind, seed, one) for (kind, seed), one in zip(header["cameras"], watched, strict=True))
    actions = tuple((ms, label, team) for ms, label, team in header["actions"])
    return WatchedMatch(header["seed"], header["seconds"], actions,
                        tuple(Noise(*noise) for noise in header["noises"]), tension, cameras)


def labels_of(matches: Sequence[WatchedMatch]) -> set[str]:
    """The labels that occur."""
    return {label for match in matches for _, label, _ in match.actions}
