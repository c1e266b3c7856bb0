"""What is missing on this machine, and how do we install it?

Two virtual environments, because Airflow and the models want different packages: `.venv/` runs Airflow,
`.venv-worker/` runs `touchline`. Each holds a stamp, written last: the digest of the files that say what
belongs into it. While the stamp fits, nothing is done. An interrupted install goes on where it stopped.

A detector is asked for once, and not again where there is no network; `touchline models fetch` does that.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from touchline.alone import take
from touchline.known_models import FETCHED_BY_INSTALL, SHIPPED_MODELS
from touchline_airflow.checkout import ROOT

STAMP = "touchline-install.json"
MODELS_STAMP = "touchline-models.txt"
MOST_MODEL_SEC = 660


class InstallError(Exception):
    """One line for a person: what is missing and what to do."""


@dataclass(frozen=True)
class Environment:
    """One virtual environment: the files that say what is in it (lock.py), and groups of the pyproject.

    pip holds all files that it installs for `locks` to their hashes. `unlocked` is torch, whose build is the machine's
    choice.
    """

    name: str
    purpose: str
    requirements: str
    locks: tuple[str, str]
    extra: str
    unlocked: str = ""
    without_dependencies: str = ""

    @property
    def folder(self) -> Path:
        """Where it lives."""
        return ROOT / self.name

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"


ENVIRONMENTS = (
    Environment(".venv", "Airflow", "requirements.txt", ("lock.txt", "lock-tests.txt"), "test,monitoring,mail"),
    Environment(".venv-worker", "the worker with its models", "docker/worker/requirements.txt",
                ("docker/worker/lock.txt", "docker/worker/lock-tests.txt"), "test,lint", "docker/worker/torch.txt",
                "docker/worker/requirements-no-deps.txt"),
)


def main() -> int:
    """Install what is missing; 0 when all is there."""
    descriptor = os.open(ROOT, os.O_RDONLY)
    try:
        _lock(descriptor)
        install_system_packages(missing_system_packages())
        for environment in ENVIRONMENTS:
            if not is_installed(environment):
                install(environment)
        fetch_detector(next(one for one in ENVIRONMENTS if one.name == ".venv-worker"))
    except InstallError as error:
        print(f"install: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"install: {error.cmd[0]} ended with exit code {error.returncode}; its last lines above say why. "
              "Run `make install` again: it goes on where it stopped.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninstall: interrupted; run `make install` again: it goes on where it stopped.", file=sys.stderr)
        return 130
    finally:
        os.close(descriptor)
    return 0


def _lock(descriptor: int) -> None:
    """Let two calls of make wait for each other; the lock goes with the process."""
    try:
        take(descriptor, wait=False)
    except BlockingIOError:
        print("install: another install is under way, waiting for it", flush=True)
        take(descriptor)


# --- What the distribution gives ------------------------------------------------------------------------------------

def missing_system_packages(which: Callable[[str], str | None] = shutil.which,
                            loads: Callable[[str], bool] | None = None) -> list[str]:
    """Debian names of the packages that are not there. OpenCV's wheel needs libGL and glib."""
    loads = loads or _loads
    missing = []
    if not which("ffmpeg") or not which("ffprobe"):
        missing.append("ffmpeg")
    if not loads("libGL.so.1"):
        missing.append("libgl1")
    if not loads("libgthread-2.0.so.0"):
        missing.append("libglib2.0-0")
    if not _has_venv():
        missing.append(f"python3.{sys.version_info.minor}-venv")
    return missing


def install_system_packages(packages: list[str]) -> None:
    """Ask apt for them, through sudo where we are not root."""
    if not packages:
        return
    wanted = " ".join(packages)
    if not shutil.which("apt-get"):
        raise InstallError(f"{wanted} missing (Debian's names) and no apt-get here: install them, then run make again")
    as_root: list[str] = []
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            raise InstallError(f"{wanted} missing: run `apt-get install {wanted}` as root, then run make again")
        as_root = ["sudo"] if sys.stdin.isatty() else ["sudo", "-n"]
    print(f"install: asking the distribution for {wanted}", flush=True)
    apt = [*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    subprocess.run([*apt, "-q", "update"], check=False)
    done = subprocess.run([*apt, "-q", "install", "-y", "--no-install-recommends", *packages], check=False)
    if done.returncode != 0:
        raise InstallError(f"apt-get failed: run `apt-get install {wanted}` as root, then run make again")


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _has_venv() -> bool:
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return False
    return True


# --- The two virtual environments -----------------------------------------------------------------------------------

def is_installed(environment: Environment) -> bool:
    """Whether the stamp fits and the commands are there."""
    commands = (environment.python, environment.folder / "bin" / "touchline")
    return _stamped(environment) == _wanted(environment) and all(command.exists() for command in commands)


def install(environment: Environment) -> None:
    """Bring one environment to what the files say; the stamp is written last.

    Raises:
        InstallError: it is a link to the environment of another checkout, which is not ours to change.
    """
    if environment.folder.is_symlink():
        raise InstallError(f"{environment.name} is a link to {environment.folder.resolve()}, another checkout's: "
                           "remove the link and run `make install` again, or run `make install` there")
    print(f"install: {environment.purpose} into {environment.name}/ (takes some minutes)", flush=True)
    stamp = environment.folder / STAMP
    moved = _stamped(environment).get("root", str(ROOT)) != str(ROOT)
    stamp.unlink(missing_ok=True)
    if moved or not _has_pip(environment):
        _run([sys.executable, "-m", "venv", "--clear", str(environment.folder)])
    remove_broken_packages(environment.folder)
    pip = [str(environment.python), "-m", "pip", "install", "--disable-pip-version-check"]
    if not sys.stdout.isatty():
        pip.append("--quiet")
    locks = [word for name in environment.locks for word in ("--requirement", name)]
    _run([*pip, "--no-deps", "--require-hashes", *locks])
    if environment.unlocked:
        _run([*pip, *_torch_index(), "--requirement", environment.unlocked])
    _run([*pip, "--no-deps", "--no-build-isolation", "--editable", "."])
    temporary = stamp.with_suffix(".part")
    temporary.write_text(json.dumps(_wanted(environment)))
    temporary.replace(stamp)


def fetch_detector(worker: Environment) -> None:
    """Get the detector that knows people and balls, once; where that fails one line says what is used instead."""
    stamp = worker.folder / MODELS_STAMP
    wanted = hashlib.sha256((SHIPPED_MODELS / "known.toml").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"install: getting the detector {FETCHED_BY_INSTALL}", flush=True)
    # A name server that is away costs seconds, not the half minute that is usual.
    environ = {**os.environ, "RES_OPTIONS": "timeout:2 attempts:1"}
    argv = [str(worker.python), "-m", "touchline.cli", "models", "fetch"]
    try:
        subprocess.run(argv, check=False, cwd=ROOT, env=environ, timeout=MOST_MODEL_SEC)
    except subprocess.TimeoutExpired:
        print(f"install: {FETCHED_BY_INSTALL} did not come within {MOST_MODEL_SEC} s: the shipped small detector is "
              "used; `touchline models fetch` tries again", file=sys.stderr)
    stamp.write_text(wanted)


def remove_broken_packages(folder: Path) -> None:
    """Remove the metadata of packages whose install was cut off: pip writes RECORD last and believes the rest."""
    for packages in folder.glob("lib/python*/site-packages"):
        for metadata in packages.glob("*.dist-info"):
            if not (metadata / "RECORD").exists():
                shutil.rmtree(metadata)
        for leftover in packages.glob("~*"):
            shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def _torch_index() -> list[str]:
    """Pip options for the CPU build of torch; a warning where the large build may come."""
    address = os.environ.get("TORCH_INDEX_URL", "").strip()
    if address:
        return ["--extra-index-url", address]
    if not has_nvidia_gpu():
        print("install: no NVIDIA GPU found and TORCH_INDEX_URL is not set: unless your pip is set up for a CPU build, "
              "torch comes with several GB of CUDA (see README, \"A machine without a GPU\")", flush=True)
    return []


def has_nvidia_gpu() -> bool:
    """Whether an NVIDIA driver is loaded here."""
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidiactl").exists()


def _wanted(environment: Environment) -> dict[str, str]:
    digest = hashlib.sha256()
    for name in filter(None, (*environment.locks, environment.unlocked)):
        digest.update((ROOT / name).read_bytes())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    digest.update(json.dumps(project, sort_keys=True).encode())
    return {"digest": digest.hexdigest(), "root": str(ROOT)}


def _stamped(environment: Environment) -> dict[str, str]:
    try:
        return dict(json.loads((environment.folder / STAMP).read_text()))
    except (OSError, ValueError):
        return {}


def _has_pip(environment: Environment) -> bool:
    if not environment.python.exists():
        return False
    done = subprocess.run([environment.python, "-m", "pip", "--version"], capture_output=True, check=False)
    return done.returncode == 0


def _run(argv: list[str]) -> None:
    subprocess.run(argv, check=True, cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
