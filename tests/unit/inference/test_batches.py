import subprocess
import sys
from pathlib import Path

import pytest

from touchline.errors import ModelError
from touchline.inference.batches import CPU, Batches, is_out_of_memory
from touchline.inference.torchvision_nms import torch

INCLUDE = Path(__file__).parents[3] / "include"
CUDA = torch.device("cuda:0")


def model_that_fits(size, error=torch.OutOfMemoryError):
    def model(items):
        if len(items) > size:
            raise error
        return [item * 10 for item in items]

    return model


def test_a_batch_that_is_too_large_is_halved_until_it_fits(capsys):
    batches = Batches(8, CUDA, lambda _: None, cpu_allowed=True)
    assert batches.run(model_that_fits(3), range(10)) == [item * 10 for item in range(10)]
    assert (batches.size, batches.device) == (2, CUDA)
    assert "out of memory on cuda:0: going on with batches of 2" in capsys.readouterr().err


def test_a_gpu_that_is_too_small_gives_way_to_the_cpu(capsys):
    moved = []
    batches = Batches(2, CUDA, moved.append, cpu_allowed=True)

    def model(items):
        if batches.device != CPU:
            raise torch.OutOfMemoryError
        return list(items)

    assert batches.run(model, [1, 2, 3]) == [1, 2, 3]
    assert moved == [CUDA, CPU]
    assert batches.size == 2
    assert "going on on the CPU" in capsys.readouterr().err


def move_that_fits_on_the_cpu_only(device):
    if device != CPU:
        raise torch.OutOfMemoryError


def test_a_model_that_does_not_even_fit_onto_the_gpu_runs_on_the_cpu():
    assert Batches(2, CUDA, move_that_fits_on_the_cpu_only, cpu_allowed=True).device == CPU


def test_no_memory_and_no_cpu_allowed_is_an_error():
    batches = Batches(2, CUDA, lambda _: None, cpu_allowed=False)
    with pytest.raises(ModelError, match=r"memory of cuda:0.*USE_GPU=auto"):
        batches.run(model_that_fits(0), [1])
    with pytest.raises(ModelError, match="does not fit into the memory of cuda:0"):
        Batches(2, CUDA, move_that_fits_on_the_cpu_only, cpu_allowed=False)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_no_memory_on_the_cpu_has_a_reason_that_helps(error):
    batches = Batches(4, CPU, lambda _: None, cpu_allowed=True)
    assert batches.run(model_that_fits(1, error), [1, 2, 3]) == [10, 20, 30]
    with pytest.raises(ModelError, match="give the worker more memory") as caught:
        batches.run(model_that_fits(0, error), [1])
    assert "USE_GPU" not in str(caught.value)


def test_another_error_is_not_taken_for_a_lack_of_memory():
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(ZeroDivisionError):
        Batches(4, CPU, lambda _: None, cpu_allowed=True).run(lambda items: [1 / 0], [1])


def test_what_torch_really_raises_when_the_machine_is_full_is_understood():
    script = """
import resource
from touchline.inference.batches import CPU, Batches
from touchline.inference.torchvision_nms import torch

used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), used + (1 << 30)))
batches = Batches(8, CPU, lambda _: None, cpu_allowed=True)
print(batches.run(lambda items: torch.ones(len(items), 300 << 18).sum(1).tolist(), list(range(8))), batches.size)
"""
    argv = [sys.executable, "-c", script]
    done = subprocess.run(argv, env={"PYTHONPATH": str(INCLUDE)}, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("] 2\n")
    assert done.stderr.count("out of memory on cpu") == 2
