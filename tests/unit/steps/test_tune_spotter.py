"""A spotter is trained further on matches of one's own; what cannot be learned from is said in one line."""

import json
from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="the models' libraries are in the worker's environment only")
pytest.importorskip("SoccerNet", reason="the evaluator is in the worker's environment only")

from support.spotted_match import MATCH, cut_at, prepare
from touchline.errors import DamagedResultError, UsageError
from touchline.inference.sight_spotter import SightSpotter
from touchline.steps.merge_actions import merge_actions
from touchline.steps.tune_spotter import tune_spotter


@pytest.fixture
def settings(own_settings, tmp_path, save_spotter):
    return replace(own_settings, spotter_model_path=save_spotter(tmp_path / "spotter"), max_workers=1)


def labels(path, *entries):
    annotations = [{"gameTime": f"{half} - 00:{second:02}", "label": label, "position": str(second * 1000),
                    "team": "home", "visibility": "visible"} for half, second, label in entries]
    path.write_text(json.dumps({"annotations": annotations}))
    return path


def test_it_learns_when_a_label_happens_and_tells_how_it_did(settings, tmp_path, capsys):
    chunks = cut_at(100)
    for step in range(55, 65):
        chunks[0]["glances"][step] |= {"people": [], "balls": [], "grass": 0}
    prepare(settings, chunks)
    truth = labels(tmp_path / "truth.json", (1, 12, "save"), (1, 3, "Nutmeg"))
    tune_spotter([(MATCH, truth)], tmp_path / "tuned", settings, epochs=1500, measure=[(MATCH, truth)])
    assert set(json.loads(capsys.readouterr().out)) == {"before", "after"}
    tuned = replace(settings, spotter_model_path=tmp_path / "tuned", min_event_confidence=0.01)
    saves = [one for one in merge_actions(MATCH, tuned).result["actions"] if one["label"] == "Save"]
    assert max(saves, key=lambda one: one["confidence"])["match_ms"] == pytest.approx(12_000, abs=1000)
    assert SightSpotter(tmp_path / "tuned").labels == SightSpotter(settings.spotter_model_path).labels
    assert json.loads((tmp_path / "tuned" / "config.json").read_text())["recipe"]["tuned on"] == [MATCH]


def test_the_halves_are_those_of_the_match(settings, tmp_path):
    truth = labels(tmp_path / "truth.json", (2, 5, "Save"))
    prepare(settings, cut_at())
    with pytest.raises(UsageError, match="the labels name half 2, the match has 1: write kick_offs"):
        tune_spotter([(MATCH, truth)], tmp_path / "tuned", settings)
    prepare(settings, cut_at(), kick_offs_ms=(0, 20_000))
    tune_spotter([(MATCH, truth)], tmp_path / "tuned", settings, epochs=1)


def test_what_cannot_be_learned_from_is_said_and_nothing_is_written(settings, tmp_path):
    files = prepare(settings, cut_at())
    with pytest.raises(UsageError, match="tells of nothing that the spotter knows"):
        tune_spotter([(MATCH, labels(tmp_path / "truth.json", (1, 3, "Nutmeg")))], tmp_path / "tuned", settings)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file/tuned cannot be made: Not a directory"):
        tune_spotter([(MATCH, labels(tmp_path / "truth.json", (1, 3, "Save")))], tmp_path / "file" / "tuned", settings)
    files.spottings("chunk-0000").unlink()
    with pytest.raises(DamagedResultError, match="chunk-0000 has no whole result"):
        tune_spotter([(MATCH, labels(tmp_path / "truth.json", (1, 3, "Save")))], tmp_path / "tuned", settings)
    assert not (tmp_path / "tuned").exists()
