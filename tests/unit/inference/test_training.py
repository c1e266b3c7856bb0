"""One or two steps of training: whether the parts fit, not whether anything is learned."""

import numpy as np
import pytest

from touchline.domain.detection import DETECTION_KINDS
from touchline.inference import clip_training, detector_training
from touchline.inference.clip_model import ClipModel
from touchline.inference.detector import Detector
from touchline.inference.torchvision_nms import torch


def test_the_trained_detector_can_be_loaded(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(detector_training, "SCALE", (0.33, 0.05, 64))
    boxes = np.array([[0, 0.1, 0.1, 0.3, 0.5], [3, 0.5, 0.5, 0.6, 0.6]], np.float32)
    frames = [detector_training.LabelledFrame(np.full((40, 64, 3), 90, np.uint8), boxes)] * 2
    detector_training.train_detector_model(frames, tmp_path / "model.pt", {"seeds": [1]}, settings, epochs=1)
    detector = Detector(tmp_path / "model.pt", settings)
    assert detector.size_px == 64
    assert set(detector._kinds.values()) == set(DETECTION_KINDS)


def test_boxes_mostly_outside_are_left_out():
    boxes = np.array([[0, -0.1, 0.0, 0.1, 1.0], [1, -0.3, 0.0, 0.1, 1.0]], np.float32)
    assert detector_training.inside(boxes).tolist() == [[0, 0.0, 0.0, pytest.approx(0.1), 1.0]]


def test_mirrored_boxes_stay_on_their_people():
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[10:30, 8:16] = 255
    frame = detector_training.LabelledFrame(pixels, np.array([[0, 0.1, 0.25, 0.2, 0.75]], np.float32))
    random = np.random.default_rng(0)
    for _ in range(20):
        changed = detector_training._augmented(frame, random)
        for _, x1, y1, x2, y2 in changed.boxes:
            centre = changed.pixels[int((y1 + y2) / 2 * 39.9), int((x1 + x2) / 2 * 79.9)]
            assert centre.mean() > changed.pixels.mean()


def match():
    frames = np.random.default_rng(0).integers(0, 255, (40, *clip_training.SIZE, 3), dtype=np.uint8)
    return clip_training.LabelledMatch(frames, ((10, 0), (30, 1)), np.full((40, 3), 0.5, np.float32))


def test_the_trained_clip_model_can_be_loaded(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(clip_training, "WINDOWS_PER_EPOCH", 8)
    monkeypatch.setitem(clip_training.ARCHITECTURE, "num_hidden_layers", 1)
    clip_training.train_clip_network([match()], ("Goal", "Save"), tmp_path, {"seeds": [1]}, settings, epochs=1)
    model = ClipModel(tmp_path, settings)
    assert model.labels == ("Goal", "Save")
    assert (model.frames, model.stride_ms, model.size) == (16, 800, (112, 192))


@pytest.mark.parametrize(("away", "target", "sure"), [(0, 1, 1), (2, 1, 1), (3, 0, 0), (4, 0, 0), (5, 0, 1)])
def test_windows_near_an_action_are_right_unsure_or_wrong(away, target, sure):
    example = clip_training._example(match(), 10 + away, 2, np.random.default_rng(0))
    assert (example.target[0], example.sure[0]) == (target, sure)
    assert (example.target[1], example.sure[1]) == (0, 1)


def test_the_quick_embedding_is_the_model_s_own(settings):
    network = clip_training._network(("Goal",), {})
    pixels = torch.rand(1, 16, 3, *clip_training.SIZE)
    with torch.no_grad():
        own = network.videomae.embeddings(pixels, None)
        assert torch.allclose(clip_training._embedded(network.videomae.embeddings, pixels), own, atol=1e-4)


def test_calibration_moves_the_threshold_to_one_half(settings, save_clip_model, tmp_path):
    folder = save_clip_model(tmp_path, labels=("Goal", "Save"))
    windows = np.random.default_rng(0).integers(0, 255, (1, 4, 16, 32, 3), dtype=np.uint8)
    goal, save = ClipModel(folder, settings).spot(windows)[0]
    clip_training.calibrate(folder, [float(goal), None])
    calibrated = ClipModel(folder, settings).spot(windows)[0]
    assert calibrated == pytest.approx([0.5, save], abs=1e-3)
