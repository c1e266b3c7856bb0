"""How do we get a real Docker engine for development, tests and CI on a Debian machine? Root needed.

The engine is Debian's `docker.io`; all that it keeps lies below one folder. No systemd, no bridge, no firewall rules:
so it also runs inside a container or beside another engine. Its containers have the host's network, or none.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from touchline.alone import alone
from touchline_deploy.build.install import InstallError, install_system_packages

START_SEC = 60.0
STOP_SEC = 30.0
LONGEST_SOCKET_PATH = 107
CGROUPS = Path("/sys/fs/cgroup")
PROGRAMS = ("dockerd", "containerd", "containerd-shim-runc-v2", "runc")
PACKAGES = {"dockerd": "docker.io", "docker": "docker.io", "debootstrap": "debootstrap", "redis-server": "redis-server"}
POSTGRES_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.conf")
HOW_TO_RUN = ".venv/bin/python -m touchline_deploy.build.engine"


class EngineError(Exception):
    """One line for a person: what is wrong and what to do."""


class Engine:
    """One engine, all of whose files lie below `folder`. Stopped or not, its images stay there for the next start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.socket = self.folder / "docker.sock"
        self.log = self.folder / "dockerd.log"
        self._pid_file = self.folder / "docker.pid"
        self._runtime = self.folder / "exec"

    @property
    def address(self) -> str:
        """What DOCKER_HOST must be."""
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int | None:
        """The process id of a living dockerd of this folder."""
        with contextlib.suppress(OSError, ValueError):
            pid = int(self._pid_file.read_text())
            if _program(pid, self.folder) == "dockerd":
                return pid
        return None

    def answers(self) -> bool:
        """Whether the engine takes requests."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self.socket))
            connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in connection.recv(64)
        return False

    def start(self) -> Engine:
        """Start it and wait until it answers; one that runs already is used as it is."""
        if len(str(self.socket)) > LONGEST_SOCKET_PATH:
            raise EngineError(f"{self.socket} is too long for a socket: choose a shorter folder")
        if self.answers():
            return self
        if os.geteuid() != 0:
            raise EngineError("a Docker engine needs root: run this as root, or name one that runs by DOCKER_HOST")
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        with self._lock():
            if not self.pid:
                self._forget_the_dead()
                self._start_dockerd()
            self._wait_until_it_answers()
        return self

    def stop(self) -> None:
        """End it with its containers; nothing of it runs or is mounted afterwards."""
        if not self.folder.exists():
            return
        with self._lock():
            if pid := self.pid:
                os.kill(pid, signal.SIGTERM)
                _wait(lambda: self.pid is None, STOP_SEC)
            self._remove_leftovers()

    def kill(self) -> None:
        """SIGKILL dockerd, as the kernel would; containerd goes with it, containers go on until a start or stop."""
        if pid := self.pid:
            os.kill(pid, signal.SIGKILL)
            _wait(lambda: not self._processes("dockerd", "containerd"), STOP_SEC)

    def _start_dockerd(self) -> None:
        dockerd = shutil.which("dockerd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
        if not dockerd:
            raise EngineError(f"dockerd is missing: run `{HOW_TO_RUN} start`, which installs it")
        argv = [dockerd, "--host", self.address, "--pidfile", str(self._pid_file),
                "--data-root", str(self.folder / "data"), "--exec-root", str(self._runtime),
                "--exec-opt", "native.cgroupdriver=cgroupfs", "--bridge=none", "--iptables=false", "--ip-forward=false"]
        with self.log.open("wb") as log:
            # A session of its own: Ctrl-C is for the command beside it; it ends by `stop`.
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             start_new_session=True)

    def _wait_until_it_answers(self) -> None:
        started = getattr(self, "_process", None)
        ended = lambda: started is not None and started.poll() is not None  # noqa: E731
        if not _wait(lambda: self.answers() or ended(), START_SEC) or not self.answers():
            self._remove_leftovers()
            raise EngineError(f"dockerd does not answer; its log ends with: {self._last_words()}")

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")

    def _forget_the_dead(self) -> None:
        """Remove the pid files of a killed engine: dockerd believes them even where the process is a zombie."""
        containerd = self._runtime / "containerd" / "containerd.pid"
        for name, pid_file in (("dockerd", self._pid_file), ("containerd", containerd)):
            if not self._processes(name):
                pid_file.unlink(missing_ok=True)

    def _remove_leftovers(self) -> None:
        """Kill what is left of the engine and of its containers, release mounts, forget the state of what ran."""
        deadline = time.monotonic() + STOP_SEC
        while left := self._processes():
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise EngineError(f"processes {left} of the engine in {self.folder} do not end")
            time.sleep(0.05)
        for mount in sorted(mounts_below(self.folder, Path("/proc/self/mountinfo").read_text()), reverse=True):
            subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)
        for container in self._containers():
            for group in (*CGROUPS.glob(f"docker/{container}"), *CGROUPS.glob(f"*/docker/{container}")):
                with contextlib.suppress(OSError):
                    group.rmdir()
        shutil.rmtree(self._runtime, ignore_errors=True)
        for path in (self._pid_file, self.socket):
            path.unlink(missing_ok=True)

    def _processes(self, *names: str) -> list[int]:
        """Living processes of the engine and its containers, or those of its programs with these names.

        dockerd, containerd and the shims name the folder; a container's processes are known by their cgroup.
        """
        programs = [pid for pid in _all_processes() if _program(pid, self.folder) in (names or PROGRAMS)]
        containers = [] if names else self._containers()
        return programs + [pid for pid in _all_processes() if _is_in_cgroup(pid, containers)]

    def _containers(self) -> list[str]:
        folder = self.folder / "data" / "containers"
        return os.listdir(folder) if folder.exists() else []

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Let two callers take turns; the lock goes with the process."""
        with alone(self.folder / "lock"):
            yield


def default_folder() -> Path:
    """Outside of the repository, and short: the path of a unix socket has 107 bytes at most."""
    return Path(os.environ.get("TMPDIR") or "/tmp") / "touchline-engine"  # noqa: S108 - shared on purpose


def install_engine() -> None:
    """Ask apt for what is missing of Docker, debootstrap, Redis and PostgreSQL; of this one no cluster is made."""
    missing = {package for command, package in PACKAGES.items() if not shutil.which(command)}
    if not _has_compose():
        missing.add("docker-compose")
    if not POSTGRES_PROGRAMS:
        missing.add("postgresql")
        if os.geteuid() == 0 and not NO_CLUSTER.exists():
            NO_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
            NO_CLUSTER.write_text("create_main_cluster = false\n")
    try:
        install_system_packages(sorted(missing))
    except InstallError as error:
        raise EngineError(str(error)) from None


def _has_compose() -> bool:
    asked = ["docker", "compose", "version"]
    return bool(shutil.which("docker-compose") or (
        shutil.which("docker") and subprocess.run(asked, capture_output=True, check=False).returncode == 0))


def run_with_engine(engine: Engine, command: list[str]) -> int:
    """Run a command with DOCKER_HOST; the engine is stopped afterwards if it did not run before."""
    ran_before = engine.answers()
    process: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _: object) -> None:
        if process is None:
            sys.exit(128 + number)
        process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    try:
        engine.start()
        process = subprocess.Popen(command, env={**os.environ, "DOCKER_HOST": engine.address})
        returncode = process.wait()
        return returncode if returncode >= 0 else 128 - returncode
    except FileNotFoundError:
        raise EngineError(f"{command[0]} is not a command") from None
    finally:
        if not ran_before:
            engine.stop()


def mounts_below(folder: Path, mountinfo: str) -> list[str]:
    """Mount points below a folder, from the text of /proc/self/mountinfo."""
    points = [line.split()[4].encode().decode("unicode_escape") for line in mountinfo.splitlines()]
    return [point for point in points if Path(point).is_relative_to(folder) and Path(point) != folder]


def _program(pid: int, folder: Path) -> str:
    """Which of an engine's programs this process is, if it works for this folder; empty for any other."""
    words = _command_line(pid)
    works_here = any(word.removeprefix("unix://").startswith(f"{folder}/") for word in words)
    return Path(words[0]).name if works_here else ""


def _is_in_cgroup(pid: int, container_ids: list[str]) -> bool:
    with contextlib.suppress(OSError):
        cgroup = Path(f"/proc/{pid}/cgroup").read_text()
        return any(container in cgroup for container in container_ids) and bool(_command_line(pid))
    return False


def _command_line(pid: int) -> list[str]:
    """Empty for zombies, kernel threads and who is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    return []


def _all_processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _wait(condition: Callable[[], bool], timeout_sec: float) -> bool:
    deadline = time.monotonic() + timeout_sec
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def main() -> int:
    """`start`, `stop`, or `run -- COMMAND`; errors are one line."""
    parser = argparse.ArgumentParser(description="A Docker engine for development, tests and CI (root needed).")
    parser.add_argument("--folder", type=Path, default=default_folder(), help="default: %(default)s")
    commands = parser.add_subparsers(dest="action", required=True)
    commands.add_parser("start", help="install what is missing, start, print the address")
    commands.add_parser("stop", help="end it with its containers; its images stay")
    run = commands.add_parser("run", help="run a command with DOCKER_HOST; stop afterwards what was started for it")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    arguments = parser.parse_args()
    engine = Engine(arguments.folder)
    try:
        if arguments.action == "stop":
            engine.stop()
            return 0
        install_engine()
        if arguments.action == "start":
            print(engine.start().address)
            return 0
        command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
        if not command:
            parser.error("run needs a command: run -- COMMAND")
        return run_with_engine(engine, command)
    except EngineError as error:
        print(f"engine: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
