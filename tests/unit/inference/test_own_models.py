"""A club's own detector, in each form that YOLO_MODEL_PATH takes: it works, or one line says why not."""

from __future__ import annotations

import numpy as np
import pytest

from touchline import known_models
from touchline.cli import main
from touchline.errors import ModelError
from touchline.inference.checkpoint import load_layers
from touchline.inference.detector import Detector
from touchline.inference.model_digest import checked_digest
from touchline.inference.torchvision_nms import torch

NAMES = ("Person", "horse", "sports_ball")
SIDE = 64
GREY = [np.full((36, 64, 3), 90, np.uint8)]
# x, y, width, height, then one score for each of NAMES: a person in the middle, and a horse beside it
ROWS = np.array([[[32, 32, 16, 32, 0.8, 0, 0], [10, 32, 8, 16, 0, 0.7, 0]]], np.float32).transpose(0, 2, 1)


def save_onnx(path, **metadata):
    """A network of ONNX that answers ROWS to every picture, with what ultralytics writes beside a network."""
    from onnx import TensorProto, helper, numpy_helper, save

    picture = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    answer = helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(ROWS.shape))
    nodes = [helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
             helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
             helper.make_node("Add", ["rows", "nothing"], ["output0"])]
    constants = [numpy_helper.from_array(ROWS, "rows"), numpy_helper.from_array(np.float32(0), "zero")]
    graph = helper.make_graph(nodes, "tiny", [picture], [answer], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {name: str(value) for name, value in metadata.items()})
    save(model, path)
    return path


def save_openvino(folder, **metadata):
    """The same as an OpenVINO folder."""
    import openvino
    import yaml
    from openvino import opset13 as layer

    picture = layer.parameter([1, 3, SIDE, SIDE], np.float32, name="images")
    mean = layer.reduce_mean(picture, np.array([0, 1, 2, 3]), keep_dims=False)
    answer = layer.add(layer.constant(ROWS), layer.multiply(mean, np.float32(0)))
    folder.mkdir()
    openvino.save_model(openvino.Model([answer], [picture], "tiny"), folder / "tiny.xml", compress_to_fp16=False)
    (folder / "metadata.yaml").write_text(yaml.safe_dump(metadata))
    return folder


def of_ultralytics(**changes):
    """What ultralytics writes beside a network that it exports."""
    return {"names": dict(enumerate(NAMES)), "task": "detect", "stride": 32, "batch": 1, "imgsz": [SIDE, SIDE],
            **changes}


@pytest.mark.parametrize(("save", "name"), [(save_onnx, "own.onnx"), (save_openvino, "own_openvino_model")])
def test_an_exported_model_with_other_class_names_sees_what_we_know_of_them(settings, tmp_path, save, name):
    detector = Detector(save(tmp_path / name, **of_ultralytics()), settings, batch=1)
    assert detector.sees == ["ball", "player"]
    [[one]] = detector.detect(GREY)
    assert (one.kind, one.score) == ("player", pytest.approx(0.8))
    assert (one.x1, one.x2) == pytest.approx((24 / 64, 40 / 64))


@pytest.mark.parametrize(("save", "name"), [(save_onnx, "own.onnx"), (save_openvino, "own_openvino_model")])
@pytest.mark.parametrize(("metadata", "why"), [
    ({}, "does not say which classes it knows: export the model with ultralytics"),
    (of_ultralytics(names={0: "cat", 1: "dog"}), r"knows no class of ours \(it has cat, dog\)"),
    (of_ultralytics(task="segment"), "made for the task 'segment' and is not a detector of boxes"),
])
def test_an_exported_model_that_would_be_read_wrongly_is_one_line(settings, tmp_path, save, name, metadata, why):
    with pytest.raises(ModelError, match=why) as caught:
        Detector(save(tmp_path / name, **metadata), settings, batch=1)
    assert name in str(caught.value) and "\n" not in str(caught.value)


def test_an_openvino_folder_of_another_name_is_one_line(settings, tmp_path):
    with pytest.raises(ModelError, match="rename the folder so that its name ends in _openvino_model"):
        Detector(save_openvino(tmp_path / "own", **of_ultralytics()), settings)


def test_an_openvino_folder_without_its_weights_is_one_line(settings, tmp_path):
    folder = save_openvino(tmp_path / "own_openvino_model", **of_ultralytics())
    (folder / "tiny.bin").unlink()
    with pytest.raises(ModelError, match="own_openvino_model cannot be loaded as a detector") as caught:
        Detector(folder, settings)
    assert "\n" not in str(caught.value)


def test_a_network_for_another_task_is_refused(settings, tmp_path):
    from ultralytics.nn.tasks import SegmentationModel
    from ultralytics.utils import ROOT, YAML

    plan = YAML.load(ROOT / "cfg/models/v8/yolov8-seg.yaml")
    plan |= {"nc": 1, "scales": {"n": [0.33, 0.05, 256]}, "scale": "n"}
    network = SegmentationModel(plan, verbose=False)
    network.names = {0: "person"}
    torch.save({"model": network.half()}, tmp_path / "seg.pt")
    with pytest.raises(ModelError, match="is a SegmentationModel and not a detector of boxes"):
        load_layers(tmp_path / "seg.pt")


@pytest.mark.parametrize("name", ["yolov8n.yaml", "yolo11n.yaml"])
def test_the_layers_of_the_official_files_are_all_allowed(settings, tmp_path, name):
    """Untrained networks of the same plan, with what ultralytics leaves beside the network when training ends."""
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils import IterableSimpleNamespace

    network = DetectionModel(name, verbose=False)
    network.args, network.criterion = {"imgsz": 640, "task": "detect"}, None
    beside = {"epoch": -1, "best_fitness": None, "ema": None, "updates": None, "optimizer": None,
              "train_args": {"imgsz": 640, "data": "coco.yaml", "hyp": IterableSimpleNamespace(box=7.5)},
              "train_metrics": {"fitness": np.float64(0.37)}, "train_results": {"epoch": [1, 2]},
              "date": "2024-09-29T12:00:00", "version": "8.3.0", "license": "AGPL-3.0", "docs": "https://docs"}
    torch.save({"model": network.half(), **beside}, tmp_path / "official.pt")
    loaded, arguments = load_layers(tmp_path / "official.pt")
    assert type(loaded) is DetectionModel and len(loaded.names) == 80 and arguments["imgsz"] == 640


def test_a_network_that_kept_its_loss_from_training_is_taken_without_it(settings, tmp_path, tiny_network):
    from ultralytics.utils import IterableSimpleNamespace

    network = tiny_network(NAMES)
    network.args = IterableSimpleNamespace(box=7.5, cls=0.5, dfl=1.5, epochs=1, cls_pw=0.0)
    network.criterion = network.init_criterion()
    torch.save({"model": network.half()}, tmp_path / "trained.pt")
    assert Detector(tmp_path / "trained.pt", settings).sees == ["ball", "player"]


def test_the_club_can_ask_what_its_models_see(tmp_path, save_detector, save_spotter, save_clip_model, own_settings,
                                              monkeypatch, capsys):
    monkeypatch.setenv("SPOTTER_MODEL_PATH", str(save_spotter(tmp_path / "spotter", ("Goal", "Foul"))))
    monkeypatch.setenv("ACTION_MODEL_PATH", str(save_clip_model(tmp_path / "clips", ("Save", "Goal"))))
    monkeypatch.setenv("SCRATCH_DIR", str(own_settings.scratch_dir))
    monkeypatch.setenv("YOLO_MODEL_PATH", str(save_detector(tmp_path / "own.pt", NAMES)))
    assert main(["models", "verify"]) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == [
        f"in use: {tmp_path}/own.pt: sees ball, player", f"spotter: {tmp_path}/spotter: spots Goal, Foul",
        f"clip model: {tmp_path}/clips: knows Save, Goal"]
    monkeypatch.setenv("YOLO_MODEL_PATH", str(save_detector(tmp_path / "pets.pt", ("cat", "dog"))))
    assert main(["models", "verify"]) == 1
    assert "knows no class of ours (it has cat, dog)" in capsys.readouterr().err


def test_a_model_with_a_name_is_used_only_when_it_is_what_the_name_says(tmp_path, monkeypatch):
    monkeypatch.setattr(known_models, "SHIPPED_MODELS", tmp_path)
    path = tmp_path / "yolov8n.pt"
    with pytest.raises(ModelError, match=r"run `touchline models fetch yolov8n\.pt`, then `make images`"):
        checked_digest(path)
    path.write_bytes(b"half of it")
    with pytest.raises(ModelError, match=r"yolov8n\.pt is damaged, or another file than its name says"):
        checked_digest(path)
    (tmp_path / "own.pt").write_bytes(b"a club's own")
    assert len(checked_digest(tmp_path / "own.pt")) == 64
