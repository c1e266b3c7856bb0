"""The whole training at a tiny size: whether the parts fit, not whether anything is learned."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="the models' libraries are in the worker's environment only")
pytest.importorskip("SoccerNet", reason="the evaluator is in the worker's environment only")

from touchline.inference.sight_spotter import SightSpotter
from touchline.settings import Settings
from touchline.steps import train_spotter
from touchline.training.watched_matches import HELD_OUT, LEARN


def test_a_spotter_is_trained_and_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(train_spotter, "LEARN", replace(LEARN, seconds=45, kinds=("broadcast",), lively=0.0))
    monkeypatch.setattr(train_spotter, "HELD_OUT", replace(HELD_OUT, seconds=20, seeds=(7,), kinds=("phone",)))
    monkeypatch.setattr(train_spotter, "LEAST_TO_LEARN", 1)
    settings = Settings(scratch_dir=tmp_path, working_dir=tmp_path / "work", use_gpu="false", max_workers=1)
    train_spotter.train_spotter(tmp_path / "footage", tmp_path / "spotter", settings, epochs=1, matches=1)
    assert "Kick-off" in SightSpotter(tmp_path / "spotter").labels
    assert set(json.loads(capsys.readouterr().out)["phone"]["compared"]) >= {"without ball", "sound alone"}
    assert set(LEARN.seeds).isdisjoint(HELD_OUT.seeds)
