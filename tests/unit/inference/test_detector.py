import os
import subprocess
import sys

import numpy as np
import pytest

from touchline.domain.detection import DETECTION_KINDS
from touchline.errors import ModelError
from touchline.inference.detector import Detector, _best_boxes, _detections, _letterbox
from touchline.inference.model_digest import model_digest
from touchline.inference.torchvision_nms import torch


def frames(count, height=48, width=80, seed=0):
    return list(np.random.default_rng(seed).integers(0, 255, (count, height, width, 3), dtype=np.uint8))


def test_each_frame_gets_its_detections_best_first(detector_path, settings):
    found = Detector(detector_path, settings).detect(frames(5))
    assert len(found) == 5
    assert any(found)
    for detections in found:
        scores = [one.score for one in detections]
        assert scores == sorted(scores, reverse=True)
        for one in detections:
            assert one.kind in DETECTION_KINDS
            assert 0 <= one.x1 <= one.x2 <= 1
            assert 0 <= one.y1 <= one.y2 <= 1


def test_no_frames_give_no_detections(detector_path, settings):
    assert Detector(detector_path, settings).detect([]) == []


def test_a_frame_is_seen_the_same_alone_and_in_company(detector_path, settings):
    detector = Detector(detector_path, settings)
    together = detector.detect(frames(4))
    assert detector.detect(frames(4)[:1])[0] == together[0]


def test_a_closer_look_takes_twice_the_pixels_where_the_frame_has_them(detector_path, settings):
    detector = Detector(detector_path, settings, batch=2)
    half = detector.size_px
    [large] = frames(1, height=half, width=2 * half)
    [small] = frames(1, height=half // 2, width=half)
    assert detector.detect_closely(small) is None
    found = detector.detect_closely(large)
    assert found
    assert found != detector.detect([large])[0]
    assert found == detector.detect_closely(large)
    detector._square = (half, half)
    assert detector.detect_closely(large) is None


def test_two_loads_see_the_same(detector_path, settings):
    assert Detector(detector_path, settings).detect(frames(3)) == Detector(detector_path, settings).detect(frames(3))


def test_a_coco_model_gives_players_and_ball_only(settings, tmp_path, save_detector):
    path = save_detector(tmp_path / "coco.pt", ("Person", "bicycle", "Sports Ball"))
    kinds = {one.kind for found in Detector(path, settings).detect(frames(4)) for one in found}
    assert kinds <= {"player", "ball"}
    assert kinds


def test_a_model_without_a_class_of_ours_is_an_error(settings, tmp_path, save_detector):
    path = save_detector(tmp_path / "pets.pt", ("cat", "dog"))
    with pytest.raises(ModelError, match="cat, dog"):
        Detector(path, settings)


@pytest.mark.parametrize("name", ["nowhere.pt", "model.bin"])
def test_what_is_not_a_model_is_an_error(settings, tmp_path, name):
    (tmp_path / "model.bin").write_bytes(b"x")
    with pytest.raises(ModelError, match="YOLO_MODEL_PATH"):
        Detector(tmp_path / name, settings)


def test_a_damaged_onnx_file_is_an_error(settings, tmp_path):
    pytest.importorskip("onnxruntime", reason="ONNX models need onnxruntime")
    (tmp_path / "model.onnx").write_bytes(b"x" * 100)
    with pytest.raises(ModelError, match=r"model\.onnx"):
        Detector(tmp_path / "model.onnx", settings)


def test_boxes_come_back_to_where_they_were_in_the_frame():
    #  a frame of 80x40 in an input of 64x64: scaled by 0.8 to 64x32, 16 pixels of grey above
    pictures, placed = _letterbox([np.zeros((40, 80, 3), np.uint8)], (64, 64))
    assert pictures[0, :16].min() == pictures[0, 48:].min() == 114
    assert not pictures[0, 16:48].any()
    rows = np.array([[16.0, 24.0, 32.0, 40.0, 0.9, 0]], np.float32)
    (one,) = _detections(rows, {0: "ball"}, placed, (40, 80))
    assert (one.x1, one.y1, one.x2, one.y2) == pytest.approx((0.25, 0.25, 0.5, 0.75))


def test_overlapping_boxes_of_one_kind_are_one_and_of_two_kinds_are_two():
    #      x   y   w   h   kind 0  kind 1
    raw = [[50, 50, 20, 20, 0.9, 0.0], [51, 50, 20, 20, 0.8, 0.0], [50, 50, 20, 20, 0.0, 0.7], [9, 9, 4, 4, 0.01, 0.0]]
    rows = _best_boxes(torch.tensor(raw).T, end_to_end=False, least=torch.full((80,), 0.1))
    assert [(round(float(row[4]), 1), int(row[5])) for row in rows] == [(0.9, 0), (0.7, 1)]


def test_rows_of_an_end_to_end_model_are_taken_as_they_are():
    raw = torch.tensor([[1, 2, 3, 4, 0.9, 0], [1, 2, 3, 4, 0.01, 0]])
    rows = _best_boxes(raw, end_to_end=True, least=torch.full((80,), 0.1))
    assert rows.tolist() == [[1, 2, 3, 4, pytest.approx(0.9), 0]]


def test_the_digest_follows_the_bytes(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a").write_text("1")
    before = model_digest(tmp_path / "folder")
    assert before == model_digest(tmp_path / "folder")
    (tmp_path / "folder/a").write_text("2")
    assert before != model_digest(tmp_path / "folder")
    with pytest.raises(ModelError):
        model_digest(tmp_path / "nothing")


def test_ultralytics_stays_offline_quiet_and_at_home(detector_path, tmp_path):
    home, scratch = tmp_path / "home", tmp_path / "scratch"
    home.mkdir()
    code = ("import numpy as np, sys\nfrom pathlib import Path\n"
            "from touchline.inference.detector import Detector\nfrom touchline.settings import Settings\n"
            f"settings = Settings(scratch_dir=Path({str(scratch)!r}), use_gpu='false')\n"
            f"d = Detector(Path({str(detector_path)!r}), settings)\n"
            "d.detect([np.zeros((48, 80, 3), np.uint8)])\n"
            "from ultralytics import utils\nassert not utils.ONLINE and not utils.AUTOINSTALL\n")
    environment = {**os.environ, "HOME": str(home)}
    environment.pop("YOLO_CONFIG_DIR", None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=tmp_path,
                          check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(home.iterdir()) == []
    assert (scratch / "libraries").is_dir()
