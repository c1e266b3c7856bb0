import pickle
import subprocess
import zipfile
from types import SimpleNamespace

import pytest

from touchline.errors import ModelError
from touchline.inference.checkpoint import load_layers
from touchline.inference.torchvision_nms import torch


class Touches:
    """Unpickled the ordinary way, this creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return subprocess.call, (["touch", str(self.path)],)


class Constructs:
    """Asks the loader to call the constructor of an allowed class; this one evaluates text."""

    def __init__(self, plan, path):
        self.plan = {**plan, "activation": f"open({str(path)!r}, 'w')"}

    def __reduce__(self):
        from ultralytics.nn.tasks import DetectionModel

        return DetectionModel, (self.plan,)


def test_an_honest_file_is_loaded_with_its_own_classes(detector_path):
    from ultralytics.nn.tasks import DetectionModel

    network, arguments = load_layers(detector_path)
    assert type(network) is DetectionModel
    assert all(hasattr(type(layer), "genuine") is False for layer in network.modules())
    assert arguments == {"imgsz": 64}
    assert next(network.parameters()).dtype == torch.float32


def test_a_file_that_calls_a_function_is_refused_by_name(settings, tmp_path, save_detector):
    path = save_detector(tmp_path / "evil.pt", extra=Touches(tmp_path / "touched"))
    with pytest.raises(ModelError, match=r"holds \w+\.call"):
        load_layers(path)
    assert not (tmp_path / "touched").exists()


def test_the_same_file_does_harm_when_it_is_loaded_the_ordinary_way(settings, tmp_path, save_detector):
    path = save_detector(tmp_path / "evil.pt", extra=Touches(tmp_path / "touched"))
    torch.load(path, weights_only=False)
    assert (tmp_path / "touched").exists()


def test_a_file_that_calls_an_allowed_constructor_is_refused(settings, tmp_path, save_detector, tiny_network):
    path = save_detector(tmp_path / "evil.pt", extra=Constructs(tiny_network(("ball",)).yaml, tmp_path / "touched"))
    with pytest.raises(ModelError, match="constructor of DetectionModel"):
        load_layers(path)
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("name", ["__class__", "__subclasses__", "load"])
def test_only_methods_that_checkpoints_need_can_be_asked_for(settings, tmp_path, name, save_detector):
    class Asks:
        def __reduce__(self):
            from ultralytics.nn.tasks import DetectionModel

            return getattr, (DetectionModel, name)

    path = save_detector(tmp_path / "asks.pt", extra=Asks())
    with pytest.raises(ModelError, match="attribute"):
        load_layers(path)


def test_ordinary_luggage_of_a_training_is_accepted(settings, tmp_path, save_detector):
    from pathlib import PosixPath

    import numpy as np
    from ultralytics.utils import IterableSimpleNamespace

    luggage = {"metrics": {"fitness": np.float64(0.5)}, "git": PosixPath("/x"), "hyp": IterableSimpleNamespace(a=1)}
    network, _ = load_layers(save_detector(tmp_path / "model.pt", **luggage))
    assert network.names[3] == "ball"


@pytest.mark.parametrize("content", [b"", b"not a model", pickle.dumps({"model": 1}), b"PK\x03\x04broken"])
def test_damaged_files_are_one_line(settings, tmp_path, content):
    path = tmp_path / "bad.pt"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_layers(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_refused(detector_path, tmp_path):
    path = tmp_path / "cut.pt"
    path.write_bytes(detector_path.read_bytes()[:-5000])
    with pytest.raises(ModelError, match="damaged"):
        load_layers(path)


def test_a_zip_that_holds_no_detector_is_refused(settings, tmp_path):
    torch.save({"weights": torch.zeros(3)}, tmp_path / "weights.pt")
    with pytest.raises(ModelError, match="no ultralytics detector"):
        load_layers(tmp_path / "weights.pt")
    with zipfile.ZipFile(tmp_path / "other.pt", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(ModelError):
        load_layers(tmp_path / "other.pt")


def test_a_missing_file_names_the_setting(settings, tmp_path):
    with pytest.raises(ModelError, match="YOLO_MODEL_PATH"):
        load_layers(tmp_path / "nowhere.pt")


def test_settings_in_a_file_become_plain_values(settings, tmp_path):
    torch.save({"model": None, "x": SimpleNamespace(a=1)}, tmp_path / "odd.pt")
    with pytest.raises(ModelError, match=r"types\.SimpleNamespace"):
        load_layers(tmp_path / "odd.pt")
