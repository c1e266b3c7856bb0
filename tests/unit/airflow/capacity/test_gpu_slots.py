from __future__ import annotations

from pathlib import Path

import pytest

from touchline_airflow.capacity.gpu_slots import slots_per_chunk as slots_anywhere

MB = 1_000_000


def slots_per_chunk(environ: dict[str, str]) -> int:
    """On a machine with a GPU."""
    return slots_anywhere(environ, Path("/dev/null"))


def sparse(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as handle:
        handle.truncate(size)
    return path


@pytest.fixture
def models(tmp_path):
    """Environment for a detector of 100 MB and a clip model whose files have these sizes."""

    def make(*sizes: int) -> dict[str, str]:
        detector = sparse(tmp_path / "detector.pt", 100 * MB)
        for number, size in enumerate(sizes):
            sparse(tmp_path / "clip-model" / f"part{number}" / "model.safetensors", size)
        return {"YOLO_MODEL_PATH": str(detector), "ACTION_MODEL_PATH": str(tmp_path / "clip-model")}

    return make


def test_the_shipped_models_take_one_slot():
    assert slots_per_chunk({}) == 1
    assert slots_per_chunk({"YOLO_MODEL_PATH": "", "ACTION_MODEL_PATH": " "}) == 1


def test_up_to_400_mb_of_both_models_take_one_slot_and_more_take_two(models):
    assert slots_per_chunk(models(300 * MB)) == 1
    assert slots_per_chunk(models(300 * MB, 1)) == 2


@pytest.mark.parametrize(("text", "slots"), [("1", 1), ("3", 3), (" 16 ", 16), ("0", 2)])
def test_the_operator_has_the_last_word(models, text, slots):
    assert slots_per_chunk({**models(900 * MB), "GPU_SLOTS_PER_CHUNK": text}) == slots


@pytest.mark.parametrize("text", ["17", "-1", "two", "1.5", "100", "1" * 9000, "²"])
def test_another_word_of_the_operator_is_left_aside_aloud(models, caplog, text):
    assert slots_per_chunk({**models(900 * MB), "GPU_SLOTS_PER_CHUNK": text}) == 2
    assert "use 0 to 16" in caplog.text


@pytest.mark.parametrize("path", ["/nowhere/model.pt", "relative.pt", "a\0b", "x" * 5000, "/proc/1/fd/nothing"])
def test_models_that_cannot_be_looked_at_count_as_small(models, path):
    assert slots_per_chunk({**models(900 * MB), "YOLO_MODEL_PATH": path}) == 1


def test_a_folder_with_a_file_that_is_gone_counts_as_small(models, tmp_path):
    environ = models(900 * MB)
    (tmp_path / "clip-model" / "config.json").symlink_to("nowhere")
    assert slots_per_chunk(environ) == 1


def test_without_a_gpu_one_chunk_takes_the_whole_pool(models):
    assert slots_anywhere({}, Path("/dev/no-gpu")) == 2
    assert slots_per_chunk({"USE_GPU": "false"}) == 2
    assert slots_anywhere({"GPU_SLOTS_PER_CHUNK": "1"}, Path("/dev/no-gpu")) == 1
