"""Tiny models with random weights, made on the spot: what the tests of the inference and of its steps stand on."""

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_network():
    """Makes a network with these class names."""
    return _tiny_network


@pytest.fixture(scope="session")
def save_detector():
    """Writes a .pt file: `save_detector(path, names)`; what else is given stands beside the network."""
    return _save_detector


@pytest.fixture(scope="session")
def save_clip_model():
    """Writes a model folder: `save_clip_model(folder, labels, problem)`; what else is given goes into config.json."""
    return _save_clip_model


@pytest.fixture(scope="session")
def save_spotter():
    """Writes the folder of a spotter with random weights: `save_spotter(folder, labels)`."""
    return _save_spotter


def _tiny_network(names):
    """A YOLOv8 with the fewest channels and random weights."""
    from touchline.inference.torchvision_nms import torch  # isort: skip - before ultralytics
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils import ROOT, YAML

    torch.manual_seed(0)
    plan = YAML.load(ROOT / "cfg/models/v8/yolov8.yaml")
    plan |= {"nc": len(names), "scales": {"n": [0.33, 0.05, 256]}, "scale": "n"}
    network = DetectionModel(plan, verbose=False)
    network.names = dict(enumerate(names))
    head = network.model[-1]
    for layer in head.cv3:  # without training every score is 0.01: raise them, so that something is seen
        layer[-1].bias.data[:] = -1.0
    return network


def _save_detector(path: Path, names=("player", "goalkeeper", "referee", "ball"), **more):
    from touchline.inference.torchvision_nms import torch

    torch.save({"model": _tiny_network(names).half(), "train_args": {"imgsz": 64}, **more}, path)
    return path


def _save_spotter(folder: Path, labels=("Goal", "Save", "Kick-off")):
    from touchline.inference.sight_network import SightNetwork
    from touchline.inference.sight_spotter import keep_spotter
    from touchline.inference.torchvision_nms import torch

    torch.manual_seed(0)
    keep_spotter(SightNetwork(len(labels)), labels, {}, folder)
    return folder


def _save_clip_model(folder: Path, labels=("Background", "goal", "Save"), problem="multi_label_classification", **more):
    from touchline.inference.torchvision_nms import torch  # isort: skip - before transformers
    from transformers import VideoMAEConfig, VideoMAEForVideoClassification

    torch.manual_seed(0)
    names = {"id2label": dict(enumerate(labels)), "label2id": {name: index for index, name in enumerate(labels)}}
    config = VideoMAEConfig(image_size=[16, 32], num_frames=4, hidden_size=8, num_hidden_layers=1,
                            num_attention_heads=2, intermediate_size=16, problem_type=problem, **names, **more)
    VideoMAEForVideoClassification(config).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}))
    return folder
