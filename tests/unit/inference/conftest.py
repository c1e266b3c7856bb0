import pytest

pytest.importorskip("torch", reason="the models' libraries are in the worker's environment only")
pytest.importorskip("ultralytics", reason="the models' libraries are in the worker's environment only")
pytest.importorskip("transformers", reason="the models' libraries are in the worker's environment only")

from touchline.inference.offline import keep_offline
from touchline.settings import Settings


@pytest.fixture(scope="session")
def settings(tmp_path_factory):
    scratch = tmp_path_factory.mktemp("scratch")
    keep_offline(scratch)
    return Settings(scratch_dir=scratch, working_dir=scratch / "work", use_gpu="false", max_workers=1)


@pytest.fixture(scope="session")
def detector_path(settings, save_detector, tmp_path_factory):
    return save_detector(tmp_path_factory.mktemp("models") / "tiny.pt")


@pytest.fixture(scope="session")
def clip_model_path(settings, save_clip_model, tmp_path_factory):
    return save_clip_model(tmp_path_factory.mktemp("models") / "tiny", sampling={"fps": "5", "stride_ms": 800})
