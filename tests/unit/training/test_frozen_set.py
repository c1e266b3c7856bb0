"""The frozen set is what the table says, and nothing learns from it."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from touchline.simulator.camera import CAMERAS
from touchline.simulator.held_out import is_held_out
from touchline.steps.train_clip_model import PLAN as CLIP_PLAN
from touchline.steps.train_detector import PLAN as DETECTOR_PLAN
from touchline.training.frozen_set import FROZEN, SECONDS, TABLE, FrozenMatch, row_of
from touchline.training.watched_matches import HELD_OUT, LEARN, TUNE

ROWS = json.loads(TABLE.read_text())


def test_four_matches_of_twenty_minutes_for_each_kind_of_camera():
    assert SECONDS >= 20 * 60
    assert [FrozenMatch(row["kind"], row["seed"]) for row in ROWS] == list(FROZEN)
    assert Counter(match.kind for match in FROZEN) == dict.fromkeys(CAMERAS, 4)
    assert len({match.seed for match in FROZEN}) == len(FROZEN)


def test_no_training_draws_a_held_out_seed():
    assert all(is_held_out(match.seed) for match in FROZEN)
    seeds = {seed for plan in (LEARN, TUNE, HELD_OUT) for seed in plan.seeds}
    seeds |= {seed + 100_000 * number for seed in LEARN.seeds for number in range(len(LEARN.kinds))}
    seeds |= {seed for plan in (CLIP_PLAN, DETECTOR_PLAN) for seed in (*plan.learn, *plan.held_out)}
    assert not [seed for seed in seeds if is_held_out(seed)]


def test_each_trap_is_in_the_set():
    traps = Counter()
    for row in ROWS:
        traps.update(row["traps"])
    assert min(traps.values()) > 0, f"{[name for name, count in traps.items() if not count]} never happens"


@pytest.mark.verify
@pytest.mark.parametrize("row", ROWS, ids=[f"{row['kind']}-{row['seed']}" for row in ROWS])
def test_the_truth_has_not_changed(row):
    assert row_of(FrozenMatch(row["kind"], row["seed"])) == row
