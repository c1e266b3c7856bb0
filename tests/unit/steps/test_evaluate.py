import json

import pytest

pytest.importorskip("SoccerNet", reason="SoccerNet's evaluator is not installed")

from touchline.cli import main


def _files(tmp_path, labels):
    annotations = [
        {"gameTime": f"1 - 0{minute}:00", "label": label, "position": str(minute * 60_000)}
        for minute, label in enumerate(labels, start=1)
    ]
    predictions = [{**one, "half": "1", "confidence": "0.9"} for one in annotations]
    truth, found = tmp_path / "Labels-v2.json", tmp_path / "results_spotting.json"
    truth.write_text(json.dumps({"annotations": annotations}))
    found.write_text(json.dumps({"predictions": predictions}))
    return ["evaluate", "--truth", str(truth), "--predictions", str(found)]


def test_perfect_predictions_score_1_and_the_table_says_which_mean_is_which(tmp_path, capsys):
    assert main([*_files(tmp_path, ("Goal", "Save", "Rabona")), "--json", str(tmp_path / "scores.json")]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[1].split() == ["Goal", "1", "1", "1.000", "1.000"]
    assert lines[3].startswith("mean over the 2 labels that occur") and lines[3].endswith("1.000   1.000")
    assert lines[4].startswith("SoccerNet's mean over all 19 labels*") and lines[4].endswith("0.105   0.105")
    assert "warning: 1 of the truth carry the label 'Rabona'" in printed.err
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["mean_occurring"] == {"tight": 1.0, "loose": 1.0}
    assert scores["labels"]["Save"] == {"truth": 1, "predicted": 1, "average_precision": {"tight": 1.0, "loose": 1.0}}


def test_a_malformed_file_is_one_line_and_exit_code_2(tmp_path, capsys):
    argv = _files(tmp_path, ("Goal",))
    (tmp_path / "results_spotting.json").write_text("{")
    assert main(argv) == 2
    assert capsys.readouterr().err.count("\n") == 1
