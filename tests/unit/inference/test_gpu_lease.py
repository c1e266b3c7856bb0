import multiprocessing
import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from touchline.errors import ModelError
from touchline.inference import gpu_lease
from touchline.inference.batches import CPU
from touchline.inference.gpu_lease import Gpu, _lock_file, available_gpus, leased_device
from touchline.inference.torchvision_nms import torch
from touchline.settings import Settings

CUDA = torch.device("cuda:0")
forking = multiprocessing.get_context("fork")


@pytest.fixture
def settings(tmp_path, settings):
    return replace(settings, scratch_dir=tmp_path, use_gpu="auto")


@pytest.fixture
def gpus(monkeypatch):
    """Pretend that these GPUs are there, by uuid."""

    def pretend(*uuids):
        found = [Gpu(at, "H100", uuid) for at, uuid in enumerate(uuids)]
        monkeypatch.setattr(gpu_lease, "available_gpus", lambda: found)

    pretend()
    return pretend


# --- which device -----------------------------------------------------------------------------------------------------


def test_without_a_gpu_auto_takes_the_cpu_and_says_so(settings, gpus, capsys):
    with leased_device(settings) as device:
        assert device == CPU
        assert torch.get_num_threads() == settings.max_workers
    assert capsys.readouterr().err == "runs on the CPU: no GPU is there\n"


def test_a_demanded_gpu_that_is_not_there_is_an_error(settings, gpus):
    with pytest.raises(ModelError, match="USE_GPU=true"), leased_device(replace(settings, use_gpu="true")):
        pass


def test_a_forbidden_gpu_is_not_taken(settings, gpus, capsys):
    gpus("a", "b")
    with leased_device(replace(settings, use_gpu="false")) as device:
        assert device == CPU
    assert "runs on the CPU: USE_GPU=false" in capsys.readouterr().err


@pytest.mark.parametrize("use_gpu", ["auto", "true"])
def test_a_single_gpu_is_shared(settings, gpus, use_gpu, capsys):
    gpus("a")
    wants = replace(settings, use_gpu=use_gpu)
    with leased_device(wants) as first, leased_device(wants) as second:
        assert first == second == CUDA
    assert "runs on the only GPU, H100" in capsys.readouterr().err


def test_the_gpus_are_those_that_torch_shows(monkeypatch):
    shown = [SimpleNamespace(name="H100", uuid="aa"), SimpleNamespace(name="A10", uuid="bb")]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", shown.__getitem__)
    assert available_gpus() == [Gpu(0, "H100", "aa"), Gpu(1, "A10", "bb")]


# --- leases -----------------------------------------------------------------------------------------------------------


def test_each_of_two_gets_a_gpu_of_its_own_and_says_which(settings, gpus, capsys):
    gpus("a", "b")
    with leased_device(settings) as first, leased_device(settings) as second:
        assert [str(first), str(second)] == ["cuda:0", "cuda:1"]
    assert capsys.readouterr().err.splitlines() == ["leased GPU 0 of 2, H100", "leased GPU 1 of 2, H100"]


def test_a_gpu_is_known_by_its_uuid_whatever_cuda_visible_devices_makes_its_number(settings, gpus):
    gpus("a", "b", "c")
    with leased_device(settings), leased_device(settings) as second:
        assert str(second) == "cuda:1"
        gpus("b", "c")
        with leased_device(settings) as third:
            assert str(third) == "cuda:1"  # c


def test_lock_files_that_another_user_made_can_be_locked(settings, gpus):
    gpus("a", "b")
    with leased_device(settings):
        pass
    folder = settings.scratch_dir / "gpu-leases"
    assert folder.stat().st_mode & 0o7777 == 0o1777
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o444}
    with leased_device(settings) as device:
        assert str(device) == "cuda:0"


def _hold(ours, scratch_dir, uuids):
    """In a process of its own: say over the connection what is said to people, and the device; keep it until told."""
    gpu_lease.LEASE_POLL_S = 0.05
    gpu_lease.available_gpus = lambda: [Gpu(at, "H100", uuid) for at, uuid in enumerate(uuids)]
    gpu_lease.say = ours.send
    with leased_device(Settings(scratch_dir=scratch_dir, use_gpu="auto", max_workers=1)) as chosen:
        ours.send(str(chosen))
        ours.recv()


@pytest.fixture
def hold(settings):
    """Start a process that leases one of these GPUs and holds it; it is a fork, which has torch already."""
    started = []

    def start(*uuids):
        theirs, ours = forking.Pipe()
        process = forking.Process(target=_hold, args=(ours, settings.scratch_dir, uuids), daemon=True)
        process.start()
        started.append(process)
        return process, theirs

    yield start
    for process in started:
        process.kill()
        process.join()


def test_a_process_waits_for_a_gpu_and_gets_it_when_its_holder_is_killed(hold):
    (_, one), (second, other) = holders = [hold("a", "b") for _ in range(2)]
    assert {theirs.recv() for _, theirs in holders} == {"leased GPU 0 of 2, H100", "leased GPU 1 of 2, H100"}
    assert {one.recv(), other.recv()} == {"cuda:0", "cuda:1"}
    _, waiting = hold("a", "b")
    assert waiting.recv() == "all 2 GPUs are leased: waiting for one"
    assert not waiting.poll(0.3)
    second.kill()
    assert waiting.recv().startswith("leased GPU ")
    assert waiting.recv().startswith("cuda:")


def test_a_process_that_ends_gives_its_gpu_back(hold):
    first, theirs = hold("a", "b")
    assert [theirs.recv(), theirs.recv()] == ["leased GPU 0 of 2, H100", "cuda:0"]
    theirs.send("end")
    first.join()
    _, theirs = hold("a", "b")
    assert [theirs.recv(), theirs.recv()] == ["leased GPU 0 of 2, H100", "cuda:0"]


@pytest.mark.parametrize("planted", ["link", "pipe"])
def test_what_another_matchs_step_put_in_the_place_of_a_lock_holds_nobody_up(tmp_path, planted):
    victim, lock = tmp_path / "victim", tmp_path / "leases" / "gpu-a.lock"
    victim.write_text("another's")
    lock.parent.mkdir()
    if planted == "link":
        lock.symlink_to(victim)
    else:
        os.mkfifo(lock)
    with _lock_file(lock.parent, lock.name):
        assert lock.is_file() and not lock.is_symlink()
    assert victim.read_text() == "another's"
