import json
import shutil
from fractions import Fraction

import numpy as np
import pytest

from touchline.errors import ModelError
from touchline.inference.clip_model import ClipModel


def windows(count, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (count, 4, 16, 32, 3), dtype=np.uint8)


def test_the_folder_says_how_the_model_looks(clip_model_path, settings):
    model = ClipModel(clip_model_path, settings)
    assert (model.frames, model.fps, model.stride_ms, model.size) == (4, Fraction(5), 800, (16, 32))


def test_labels_have_our_spelling_and_background_is_none(clip_model_path, settings):
    assert ClipModel(clip_model_path, settings).labels == ("Goal", "Save")


def test_each_window_gets_a_score_per_label(clip_model_path, settings):
    scores = ClipModel(clip_model_path, settings).spot(iter(windows(5)))
    assert scores.shape == (5, 2)
    assert ((scores > 0) & (scores < 1)).all()


def test_no_windows_give_no_scores(clip_model_path, settings):
    assert ClipModel(clip_model_path, settings).spot(iter([])).shape == (0, 2)


def test_a_window_scores_the_same_alone_and_in_company(clip_model_path, settings):
    model = ClipModel(clip_model_path, settings)
    assert np.array_equal(model.spot(windows(4))[0], model.spot(windows(4)[:1])[0])


def test_scores_of_a_single_label_model_leave_room_for_the_background(settings, tmp_path, save_clip_model):
    folder = save_clip_model(tmp_path, problem="single_label_classification")
    scores = ClipModel(folder, settings).spot(windows(3))
    assert (scores.sum(1) < 1).all()


def test_preprocessing_is_that_of_the_folder(clip_model_path, settings, tmp_path):
    other = shutil.copytree(clip_model_path, tmp_path / "other")
    (other / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.1] * 3, "image_std": [0.2] * 3}))
    scores = [ClipModel(folder, settings).spot(windows(1)) for folder in (clip_model_path, other)]
    assert not np.array_equal(*scores)


def test_without_a_rate_the_default_is_taken(settings, tmp_path, save_clip_model):
    model = ClipModel(save_clip_model(tmp_path), settings)
    assert (model.fps, model.stride_ms) == (Fraction(5), 800)


@pytest.mark.parametrize("sampling", [{"fps": "0"}, {"fps": "five"}, {"stride_ms": -1}, "often"])
def test_a_rate_that_makes_no_sense_is_an_error(settings, tmp_path, sampling, save_clip_model):
    with pytest.raises(ModelError, match="sampling"):
        ClipModel(save_clip_model(tmp_path, sampling=sampling), settings)


def test_a_model_without_our_labels_is_an_error(settings, tmp_path, save_clip_model):
    with pytest.raises(ModelError, match="id2label"):
        ClipModel(save_clip_model(tmp_path, labels=("eating spaghetti", "Background")), settings)


def test_a_missing_folder_is_one_line(settings, tmp_path):
    with pytest.raises(ModelError, match="ACTION_MODEL_PATH"):
        ClipModel(tmp_path / "nowhere", settings)


@pytest.mark.parametrize("content", ["", "[]", "{", '{"model_type": "bert"}'])
def test_a_bad_config_is_one_line(clip_model_path, settings, tmp_path, content):
    folder = shutil.copytree(clip_model_path, tmp_path / "other")
    (folder / "config.json").write_text(content)
    with pytest.raises(ModelError) as caught:
        ClipModel(folder, settings)
    assert "\n" not in str(caught.value)


def test_weights_as_a_pickle_are_not_loaded(clip_model_path, settings, tmp_path):
    folder = shutil.copytree(clip_model_path, tmp_path / "other")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot be loaded"):
        ClipModel(folder, settings)


def test_damaged_weights_are_an_error(clip_model_path, settings, tmp_path):
    folder = shutil.copytree(clip_model_path, tmp_path / "other")
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-10])
    with pytest.raises(ModelError, match="cannot be loaded"):
        ClipModel(folder, settings)
