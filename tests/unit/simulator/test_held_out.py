"""What a held-out match looks like, no other match can look like."""

from __future__ import annotations

import numpy as np
import pytest

from touchline.simulator.camera import rig_for
from touchline.simulator.held_out import BAND, FIRST_SEED, between, is_held_out
from touchline.simulator.look import HELD_OUT_KITS, KITS, look_for

OPEN, HELD = range(300), range(FIRST_SEED, FIRST_SEED + 300)


def test_the_band_belongs_to_held_out_seeds_alone():
    first, last = BAND
    for seed in (*OPEN, *HELD):
        share = between(np.random.default_rng(seed), 0.0, 1.0, seed)
        assert 0 <= share <= 1
        assert (first <= share <= last) == is_held_out(seed)


def test_kits_are_worn_in_one_set_only():
    assert not set(KITS.values()) & set(HELD_OUT_KITS.values())
    assert {kit for seed in OPEN for kit in look_for(seed).kits} == set(KITS.values())
    assert {kit for seed in HELD for kit in look_for(seed).kits} == set(HELD_OUT_KITS.values())


@pytest.mark.parametrize("kind", ["broadcast", "sideline", "phone"])
def test_cameras_stand_where_no_other_match_has_one(kind):
    def heights(seeds):
        return {rig_for(kind, look_for(seed), seed).place[2] for seed in seeds}

    held, others = heights(HELD), heights(OPEN)
    assert not [height for height in others if min(held) <= height <= max(held)]
    assert min(others) < min(held) < max(held) < max(others)
