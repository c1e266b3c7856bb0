"""`make install` does what is missing and nothing more; an interrupted one goes on."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def real_installer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it is, for this test alone."""
    spec = importlib.util.spec_from_file_location("installer", ROOT / "include/touchline_deploy/build/install.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "installer", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def installer(tmp_path: Path, real_installer: ModuleType) -> ModuleType:
    """The same on a small project in a folder of its own; commands are written down, not run."""
    module = real_installer
    for name in ("lock.txt", "lock-tests.txt", "torch.txt"):
        (tmp_path / name).write_text("something==1.0\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "small"\n')
    module.ROOT = tmp_path
    module.commands = []
    module._run = lambda argv: pretend(module, argv)
    return module


def pretend(module: ModuleType, argv: list[str]) -> None:
    """What venv and pip would leave behind."""
    module.commands.append(argv)
    folder = module.ROOT / ".venv" / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    if argv[1:3] == ["-m", "venv"]:
        (folder / "python").symlink_to(sys.executable)
    else:
        (folder / "touchline").touch()


@pytest.fixture
def environment(installer):
    return installer.Environment(".venv", "something", "requirements.txt", ("lock.txt", "lock-tests.txt"), "test",
                                 "torch.txt")


def test_an_install_is_made_once(installer, environment):
    assert not installer.is_installed(environment)
    installer.install(environment)
    assert installer.is_installed(environment)


@pytest.mark.parametrize("name", ["lock.txt", "lock-tests.txt", "torch.txt"])
def test_a_changed_pin_asks_for_an_install(installer, environment, tmp_path, name):
    installer.install(environment)
    (tmp_path / name).write_text("something==2.0\n")
    assert not installer.is_installed(environment)


def test_a_changed_lint_rule_does_not(installer, environment, tmp_path):
    installer.install(environment)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "small"\n[tool.ruff]\nline-length = 99\n')
    assert installer.is_installed(environment)


def test_an_interrupted_install_is_not_taken_for_a_whole_one(installer, environment):
    installer.install(environment)

    def interrupted(argv):
        raise KeyboardInterrupt

    installer._run = interrupted
    with pytest.raises(KeyboardInterrupt):
        installer.install(environment)
    assert not installer.is_installed(environment)


def test_a_project_that_was_moved_gets_a_new_environment(installer, environment, tmp_path):
    installer.install(environment)
    stamp = environment.folder / installer.STAMP
    stamp.write_text(stamp.read_text().replace(str(tmp_path), "/elsewhere"))
    installer.commands.clear()
    with pytest.raises(FileExistsError):  # what our pretended venv says to --clear; the real one empties the folder
        installer.install(environment)
    assert "--clear" in installer.commands[0]


def test_all_but_torch_is_held_to_its_hash_and_torch_comes_from_the_index_that_was_asked_for(
        installer, environment, monkeypatch):
    monkeypatch.setenv("TORCH_INDEX_URL", "https://wheels.example/cpu")
    installer.install(environment)
    locked, torch, ours = installer.commands[-3:]
    assert {"--no-deps", "--require-hashes", "lock.txt", "lock-tests.txt"} <= set(locked)
    assert "--extra-index-url" not in locked
    assert torch[torch.index("--extra-index-url") + 1] == "https://wheels.example/cpu"
    assert torch[-2:] == ["--requirement", "torch.txt"]
    assert {"--no-deps", "--no-build-isolation", "--editable"} <= set(ours)


def test_a_machine_without_a_gpu_is_told_of_the_large_build(installer, environment, monkeypatch, capsys):
    monkeypatch.delenv("TORCH_INDEX_URL", raising=False)
    monkeypatch.setattr(installer, "has_nvidia_gpu", lambda: False)
    assert installer._torch_index() == []
    assert "several GB of CUDA" in capsys.readouterr().out


def test_the_environment_of_another_checkout_is_left_alone(installer, environment, tmp_path):
    (tmp_path / "another").mkdir()
    environment.folder.symlink_to(tmp_path / "another")
    with pytest.raises(installer.InstallError, match=r"is a link to .*another"):
        installer.install(environment)
    assert installer.commands == []


def test_a_detector_is_asked_for_once_also_where_it_does_not_come(installer, environment, capfd):
    installer.install(environment)
    python = environment.folder / "bin" / "python"
    python.unlink()
    python.write_text('#!/bin/sh\necho "$* $RES_OPTIONS" >> asked; echo "it did not come" >&2; exit 1\n')
    python.chmod(0o755)
    installer.fetch_detector(environment)
    installer.fetch_detector(environment)
    assert (installer.ROOT / "asked").read_text() == "-m touchline.cli models fetch timeout:2 attempts:1\n"
    assert capfd.readouterr().err == "it did not come\n"


def test_a_detector_that_takes_too_long_stops_nothing(installer, environment, capfd, monkeypatch):
    installer.install(environment)
    python = environment.folder / "bin" / "python"
    python.unlink()
    python.write_text("#!/bin/sh\nexec sleep 30\n")
    python.chmod(0o755)
    monkeypatch.setattr(installer, "MOST_MODEL_SEC", 0.2)
    installer.fetch_detector(environment)
    [line] = capfd.readouterr().err.splitlines()
    assert "did not come within 0.2 s: the shipped small detector is used" in line


def test_packages_whose_install_was_cut_off_are_forgotten(installer, environment):
    packages = environment.folder / "lib" / "python3.11" / "site-packages"
    for name in ("whole-1.dist-info", "broken-1.dist-info", "~umpy"):
        (packages / name).mkdir(parents=True)
    (packages / "whole-1.dist-info" / "RECORD").touch()
    installer.remove_broken_packages(environment.folder)
    assert [path.name for path in packages.iterdir()] == ["whole-1.dist-info"]


def test_missing_system_packages_are_named_as_debian_names_them(installer):
    missing = installer.missing_system_packages(which=lambda name: None, loads=lambda name: False)
    assert missing[:3] == ["ffmpeg", "libgl1", "libglib2.0-0"]
    assert installer.missing_system_packages(which=lambda name: "/usr/bin/x", loads=lambda name: True) == []


def test_without_apt_the_person_is_told_what_to_install(installer, monkeypatch):
    monkeypatch.setattr(installer.shutil, "which", lambda name: None)
    with pytest.raises(installer.InstallError, match="ffmpeg libgl1 missing"):
        installer.install_system_packages(["ffmpeg", "libgl1"])


def test_torch_and_torchvision_are_pinned_together():
    text = (ROOT / "docker/worker/torch.txt").read_text()
    assert "torch==2.13.0\ntorchvision==0.28.0\n" in text


def test_install_does_nothing_where_all_is_there(real_installer):
    asked = ROOT / ".venv-worker" / real_installer.MODELS_STAMP
    if not all(map(real_installer.is_installed, real_installer.ENVIRONMENTS)) or not asked.exists():
        pytest.skip("this checkout was not installed by make")
    stamps = [environment.folder / real_installer.STAMP for environment in real_installer.ENVIRONMENTS]
    written_at = [stamp.stat().st_mtime_ns for stamp in stamps]
    done = subprocess.run(["make", "-s", "install"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [stamp.stat().st_mtime_ns for stamp in stamps] == written_at
