from dataclasses import replace

import pytest

from touchline.errors import ModelError
from touchline.inference import device as devices
from touchline.inference.device import CPU, Batches, leased_device
from touchline.inference.torchvision_operators import torch


def test_without_a_gpu_auto_takes_the_cpu(settings, monkeypatch):
    monkeypatch.setattr(devices, "available_gpus", lambda: 0)
    with leased_device(replace(settings, use_gpu="auto")) as device:
        assert device == CPU
        assert torch.get_num_threads() == settings.max_workers


def test_a_demanded_gpu_that_is_not_there_is_an_error(settings, monkeypatch):
    monkeypatch.setattr(devices, "available_gpus", lambda: 0)
    with pytest.raises(ModelError, match="USE_GPU=true"), leased_device(replace(settings, use_gpu="true")):
        pass


def test_a_forbidden_gpu_is_not_taken(settings, monkeypatch):
    monkeypatch.setattr(devices, "available_gpus", lambda: 2)
    with leased_device(settings) as device:
        assert device == CPU


def test_each_process_gets_a_gpu_of_its_own(settings, monkeypatch):
    monkeypatch.setattr(devices, "available_gpus", lambda: 2)
    wants = replace(settings, use_gpu="auto")
    with leased_device(wants) as first, leased_device(wants) as second:
        assert {str(first), str(second)} == {"cuda:0", "cuda:1"}


def test_a_process_waits_for_a_free_gpu_and_says_so(settings, monkeypatch, capsys):
    monkeypatch.setattr(devices, "available_gpus", lambda: 2)
    wants = replace(settings, use_gpu="auto")
    first, second = leased_device(wants), leased_device(wants)
    first.__enter__()
    second.__enter__()
    monkeypatch.setattr(devices.time, "sleep", lambda _: first.__exit__(None, None, None))
    with leased_device(wants) as third:
        assert str(third) == "cuda:0"
    second.__exit__(None, None, None)
    assert "waiting" in capsys.readouterr().err


def model_that_fits(size):
    def model(items):
        if len(items) > size:
            raise torch.OutOfMemoryError
        return [item * 10 for item in items]

    return model


def test_a_batch_that_is_too_large_is_halved_until_it_fits(capsys):
    batches = Batches(8, CPU, lambda _: None, cpu_allowed=True)
    assert batches.run(model_that_fits(3), range(10)) == [item * 10 for item in range(10)]
    assert batches.size == 2
    assert "batches of 2" in capsys.readouterr().err


def test_a_gpu_that_is_too_small_gives_way_to_the_cpu():
    moved = []
    batches = Batches(2, torch.device("cuda:0"), moved.append, cpu_allowed=True)

    def model(items):
        if batches.device != CPU:
            raise torch.OutOfMemoryError
        return list(items)

    batches_on_cpu = batches.run(model, [1, 2, 3])
    assert batches_on_cpu == [1, 2, 3]
    assert moved == [CPU]


def test_no_memory_and_no_cpu_allowed_is_an_error():
    batches = Batches(2, torch.device("cuda:0"), lambda _: None, cpu_allowed=False)
    with pytest.raises(ModelError, match="does not fit"):
        batches.run(model_that_fits(0), [1])
