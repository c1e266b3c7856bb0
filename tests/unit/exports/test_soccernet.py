import json

import pytest

from touchline.errors import UsageError
from touchline.exports.soccernet import Moment, read_labels, read_predictions, results_spotting

SAVE = {
    "match_ms": 2_900_500,
    "half": 2,
    "position_ms": 754_321,
    "label": "Save",
    "confidence": 0.87,
    "source": "model",
}


def _file(tmp_path, content):
    path = tmp_path / "file.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_numbers_are_text_as_in_the_real_files():
    assert results_spotting("cup-final-0123456789ab", [SAVE]) == {
        "UrlLocal": "cup-final-0123456789ab",
        "predictions": [
            {"gameTime": "2 - 12:34", "label": "Save", "position": "754321", "half": "2", "confidence": "0.87"}
        ],
    }


def test_what_is_written_is_read_back(tmp_path):
    path = _file(tmp_path, results_spotting("m", [SAVE]))
    assert read_predictions(path) == [Moment(2, 754_321, "Save", 0.87)]


def test_truth_is_read_with_or_without_a_position(tmp_path):
    annotations = [
        {"gameTime": "1 - 00:05", "label": "Goal", "position": "5400", "team": "home", "visibility": "not shown"},
        {"gameTime": "2 - 45:01", "label": "Corner"},
    ]
    assert read_labels(_file(tmp_path, {"annotations": annotations})) == [
        Moment(1, 5400, "Goal", visible=False),
        Moment(2, 2_701_000, "Corner"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("not json", "is not JSON"),
        ("[]", "has no list 'predictions'"),
        ({"annotations": []}, "has no list 'predictions'"),
        ({"predictions": {}}, "has no list 'predictions'"),
        ({"predictions": ["Goal"]}, "entry 1 of predictions is not an object"),
        ({"predictions": [{"half": "1", "label": "Goal", "confidence": "1"}]}, "entry 1 has no 'position'"),
        (
            {"predictions": [{"half": "1", "position": "soon", "label": "Goal", "confidence": "1"}]},
            "'soon' is not a whole number",
        ),
        (
            {"predictions": [{"half": "1", "position": "-1", "label": "Goal", "confidence": "1"}]},
            "before the half began",
        ),
        (
            {"predictions": [{"half": "1", "position": "1", "label": "Goal", "confidence": "1.5"}]},
            "not between 0 and 1",
        ),
        (
            {"predictions": [{"half": "1", "position": "1", "label": "Goal", "confidence": "nan"}]},
            "not between 0 and 1",
        ),
        ({"predictions": [{"half": "1", "position": "1", "label": 7, "confidence": "1"}]}, "label 7 is not text"),
        ({"predictions": [{"half": None, "position": "1", "label": "Goal", "confidence": "1"}]}, "entry 1"),
    ],
)
def test_a_malformed_file_is_named_with_its_entry(tmp_path, content, reason):
    with pytest.raises(UsageError, match=reason) as caught:
        read_predictions(_file(tmp_path, content))
    assert "file.json" in str(caught.value)


def test_a_game_time_of_another_form_is_refused(tmp_path):
    with pytest.raises(UsageError, match='does not look like "1 - 12:34"'):
        read_labels(_file(tmp_path, {"annotations": [{"gameTime": "12:34", "label": "Goal"}]}))


def test_a_missing_file_is_a_clear_line(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_labels(tmp_path / "Labels-v2.json")
