"""How do we get a real Docker engine for development, tests and CI on a Debian machine? Root needed.

The engine is Debian's `docker.io`; all that it keeps lies below one folder. No systemd, no bridge, no firewall rules:
so it also runs inside a container or beside another engine. Its containers have the host's network, or none.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from install import InstallError, install_system_packages

START_SEC = 60.0
STOP_SEC = 30.0
LONGEST_SOCKET_PATH = 107
PACKAGES = {"dockerd": "docker.io", "docker": "docker.io", "debootstrap": "debootstrap"}


class EngineError(Exception):
    """One line for a person: what is wrong and what to do."""


class Engine:
    """One engine, all of whose files lie below `folder`. Stopped or not, its images stay there for the next start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.socket = self.folder / "docker.sock"
        self.log = self.folder / "dockerd.log"
        self._pid_file = self.folder / "docker.pid"

    @property
    def address(self) -> str:
        """What DOCKER_HOST must be."""
        return f"unix://{self.socket}"

    @property
    def pid(self) -> int | None:
        """The process id of a living dockerd of this folder."""
        with contextlib.suppress(OSError, ValueError):
            pid = int(self._pid_file.read_text())
            if _is_dockerd_of(pid, self._pid_file):
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
                self._remove_leftovers()
                self._start_dockerd()
            self._wait_until_it_answers()
        return self

    def stop(self) -> None:
        """End it with its containers; nothing of it runs or is mounted afterwards."""
        if not self.folder.exists():
            return
        with self._lock():
            pid = self.pid
            if pid:
                os.kill(pid, signal.SIGTERM)
                _wait(lambda: self.pid is None, STOP_SEC)
            self._remove_leftovers()

    def kill(self) -> None:
        """SIGKILL dockerd, as the kernel would; its containers may go on until the next start or stop."""
        pid = self.pid
        if pid:
            os.kill(pid, signal.SIGKILL)
            _wait(lambda: not _is_dockerd_of(pid, self._pid_file), STOP_SEC)

    def _start_dockerd(self) -> None:
        dockerd = shutil.which("dockerd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
        if not dockerd:
            raise EngineError("dockerd is missing: run `scripts/engine.py start`, which installs it")
        argv = [dockerd, "--host", self.address, "--pidfile", str(self._pid_file),
                "--data-root", str(self.folder / "data"), "--exec-root", str(self.folder / "exec"),
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

    def _remove_leftovers(self) -> None:
        """Kill what is left of the engine and of its containers, then release mounts and marks."""
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
        for path in (self._pid_file, self.socket):
            path.unlink(missing_ok=True)

    def _processes(self) -> list[int]:
        """dockerd, containerd and the shims name the folder; a container's processes are known by their cgroup."""
        containers = self.folder / "data" / "containers"
        ids = os.listdir(containers) if containers.exists() else []
        return [pid for pid in _all_processes() if _is_part(pid, str(self.folder), ids)]

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Let two callers take turns; the lock goes with the process."""
        with (self.folder / "lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def default_folder() -> Path:
    """Outside of the repository, and short: the path of a unix socket has 107 bytes at most."""
    return Path(os.environ.get("TMPDIR") or "/tmp") / "touchline-engine"  # noqa: S108 - shared on purpose


def install_engine() -> None:
    """Ask apt for what is missing of Docker and debootstrap."""
    missing = {package for command, package in PACKAGES.items() if not shutil.which(command)}
    try:
        install_system_packages(sorted(missing))
    except InstallError as error:
        raise EngineError(str(error)) from None


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


def _is_dockerd_of(pid: int, pid_file: Path) -> bool:
    """Whether this process, not a zombie, was started as dockerd with this pid file."""
    words = _command_line(pid)
    return bool(words) and Path(words[0]).name == "dockerd" and str(pid_file) in words


def _is_part(pid: int, folder: str, container_ids: list[str]) -> bool:
    words = _command_line(pid)
    if words and Path(words[0]).name in {"dockerd", "containerd", "containerd-shim-runc-v2", "runc"}:
        return any(word.startswith(f"{folder}/") or word.startswith(f"unix://{folder}/") for word in words)
    with contextlib.suppress(OSError):
        cgroup = Path(f"/proc/{pid}/cgroup").read_text()
        return bool(words) and any(container in cgroup for container in container_ids)
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
            parser.error("run needs a command: engine.py run -- COMMAND")
        return run_with_engine(engine, command)
    except EngineError as error:
        print(f"engine: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
