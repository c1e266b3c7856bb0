"""A painted match goes through the whole pipeline and is measured, twice: nothing is done again."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("SoccerNet", reason="SoccerNet's evaluator is in the worker's environment only")

from touchline.domain.step_table import STEPS
from touchline_deploy.accuracy import bench_spotting, films
from touchline_deploy.accuracy.bench_spotting import main

NAMES = [step.name for step in STEPS]
SPOTTING = set(NAMES[:NAMES.index("merge_actions") + 1])


@pytest.mark.verify
def test_a_painted_match_is_measured_and_a_second_try_reuses_what_is_done(tmp_path, monkeypatch):
    monkeypatch.setattr(films, "SIZE", "320x180")
    monkeypatch.setattr(bench_spotting, "BENCH", tmp_path / "bench")
    argv = ["--name", "Ours", "--matches", "phone-5", "--seconds", "12", "--films", str(tmp_path / "films")]
    assert main(argv) == 0
    place = tmp_path / "bench" / "ours-12s"
    rows = {row["name"]: row for row in json.loads((place / "accuracy.json").read_text())["simulated"]}
    assert set(rows) == {"Ours", "uniform", "motion and sound"}
    assert rows["Ours"]["figures"]["phone"]["truth"]["Kick-off"] == 1
    assert set(rows["Ours"]["cost"]) == SPOTTING
    assert all(one["cpu_s"] > 0 and one["memory_mib"] > 20 for one in rows["Ours"]["cost"].values())
    assert "| Ours | phone | 1 |" in (place / "accuracy.md").read_text()

    film = tmp_path / "films" / "phone-5-12s" / "match.mp4"
    before = film.stat(), json.loads((place / "phone-5" / "costs.json").read_text())
    assert main(argv) == 0
    after = film.stat(), json.loads((place / "phone-5" / "costs.json").read_text())
    assert before[0] == after[0]
    assert {name for name in after[1] if after[1][name] != before[1][name]} == {"merge_actions"}, "for both thresholds"
    assert json.loads((place / "accuracy.json").read_text())["simulated"][-1]["figures"] == rows["Ours"]["figures"]


@pytest.mark.verify
def test_the_spotter_alone_is_measured_on_matches_that_nobody_painted(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench_spotting, "BENCH", tmp_path / "bench")
    assert main(["--watched", "--matches", "phone-5", "--seconds", "30"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert all(set(kinds) == {"phone", "all"} for kinds in (found["as seen"], found["clear"]))
    assert set(found["clear"]["all"]["compared"]) >= {"without sound", "sound alone"}
