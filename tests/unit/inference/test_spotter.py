import json
import shutil
from fractions import Fraction

import numpy as np
import pytest

from touchline.errors import ModelError
from touchline.inference.spotter import Spotter


def windows(count, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (count, 4, 16, 32, 3), dtype=np.uint8)


def test_the_folder_says_how_the_spotter_looks(spotter_path, settings):
    spotter = Spotter(spotter_path, settings)
    assert (spotter.frames, spotter.fps, spotter.stride_ms, spotter.size) == (4, Fraction(5), 800, (16, 32))


def test_labels_have_our_spelling_and_background_is_none(spotter_path, settings):
    assert Spotter(spotter_path, settings).labels == ("Goal", "Save")


def test_each_window_gets_a_score_per_label(spotter_path, settings):
    scores = Spotter(spotter_path, settings).spot(iter(windows(5)))
    assert scores.shape == (5, 2)
    assert ((scores > 0) & (scores < 1)).all()


def test_no_windows_give_no_scores(spotter_path, settings):
    assert Spotter(spotter_path, settings).spot(iter([])).shape == (0, 2)


def test_a_window_scores_the_same_alone_and_in_company(spotter_path, settings):
    spotter = Spotter(spotter_path, settings)
    assert np.array_equal(spotter.spot(windows(4))[0], spotter.spot(windows(4)[:1])[0])


def test_scores_of_a_single_label_model_leave_room_for_the_background(settings, tmp_path, save_spotter):
    folder = save_spotter(tmp_path, problem="single_label_classification")
    scores = Spotter(folder, settings).spot(windows(3))
    assert (scores.sum(1) < 1).all()


def test_preprocessing_is_that_of_the_folder(spotter_path, settings, tmp_path):
    other = shutil.copytree(spotter_path, tmp_path / "other")
    (other / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.1] * 3, "image_std": [0.2] * 3}))
    scores = [Spotter(folder, settings).spot(windows(1)) for folder in (spotter_path, other)]
    assert not np.array_equal(*scores)


def test_without_a_rate_the_default_is_taken(settings, tmp_path, save_spotter):
    spotter = Spotter(save_spotter(tmp_path), settings)
    assert (spotter.fps, spotter.stride_ms) == (Fraction(5), 800)


@pytest.mark.parametrize("sampling", [{"fps": "0"}, {"fps": "five"}, {"stride_ms": -1}, "often"])
def test_a_rate_that_makes_no_sense_is_an_error(settings, tmp_path, sampling, save_spotter):
    with pytest.raises(ModelError, match="sampling"):
        Spotter(save_spotter(tmp_path, sampling=sampling), settings)


def test_a_model_without_our_labels_is_an_error(settings, tmp_path, save_spotter):
    with pytest.raises(ModelError, match="id2label"):
        Spotter(save_spotter(tmp_path, labels=("eating spaghetti", "Background")), settings)


def test_a_missing_folder_is_one_line(settings, tmp_path):
    with pytest.raises(ModelError, match="ACTION_MODEL_PATH"):
        Spotter(tmp_path / "nowhere", settings)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"model_type": "bert"}'])
def test_a_bad_config_is_one_line(spotter_path, settings, tmp_path, content):
    folder = shutil.copytree(spotter_path, tmp_path / "other")
    (folder / "config.json").write_text(content)
    with pytest.raises(ModelError) as caught:
        Spotter(folder, settings)
    assert "\n" not in str(caught.value)


def test_weights_as_a_pickle_are_not_loaded(spotter_path, settings, tmp_path):
    folder = shutil.copytree(spotter_path, tmp_path / "other")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded"):
        Spotter(folder, settings)


def test_damaged_weights_are_an_error(spotter_path, settings, tmp_path):
    folder = shutil.copytree(spotter_path, tmp_path / "other")
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-10])
    with pytest.raises(ModelError, match="cannot be loaded"):
        Spotter(folder, settings)
