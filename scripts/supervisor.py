"""How are the parts of the embedded Airflow started, watched, started again and ended? See standalone.py."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from airflow_environment import ROOT, airflow_environment
from process_tree import adopt_orphans, end_recorded_sessions, end_session, reap, start_session
from touchline_airflow.rest import AirflowApi

GRACE_SEC = 8.0
PORTS_TRIED = 50
PARTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}


@dataclass
class Part:
    """One process of Airflow, the leader of a session with all that it starts."""

    name: str
    process: subprocess.Popen[bytes]
    started: float
    starts: int = 1


@dataclass
class Supervisor:
    """Runs the four parts until a signal comes; the state folder belongs to one supervisor at a time."""

    state: Path
    nas: Path
    output: Path
    port: int
    quiet: bool = False
    _parts: dict[str, Part] = field(default_factory=dict)
    _stopping: bool = False
    _ready: bool = False
    _environ: dict[str, str] = field(default_factory=dict)

    def run(self) -> int:
        """Supervise; returns the exit code."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.state / "supervisor.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"Airflow runs already with the state folder {self.state}", file=sys.stderr)
                return 1
            return self._run_alone()

    @property
    def logs(self) -> Path:
        """One file per part."""
        return self.state / "logs"

    @property
    def home(self) -> Path:
        """AIRFLOW_HOME, and the working folder of every process that we start."""
        return self.state / "airflow"

    def _run_alone(self) -> int:
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGTERM, self._stop)
        adopt_orphans()
        end_recorded_sessions(self.state / "sessions.json", self.home)
        self._prepare()
        try:
            if self._make_database():
                for name in PARTS:
                    self._start(name)
                self._watch()
                return 0
            return 0 if self._stopping else 1
        finally:
            self._end_all()

    def _prepare(self) -> None:
        for folder in (self.home, self.nas, self.output, self.state / "work", self.state / "scratch"):
            folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port(self.port)
        self._environ = airflow_environment(self.state, self.nas, self.output, self.port, os.environ)
        (self.home / "passwords.json").write_text(json.dumps({"admin": "admin"}) + "\n")

    def _make_database(self) -> bool:
        """Bring Airflow's tables up and put our settings in; skipped while the stamp says that both are done."""
        stamp = self.home / "database.stamp"
        wanted = _stamp()
        if (self.home / "airflow.db").exists() and stamp.exists() and stamp.read_text() == wanted:
            return True
        airflow, python = str(ROOT / ".venv/bin/airflow"), str(ROOT / ".venv/bin/python")
        for argv in ([airflow, "db", "migrate"], [python, str(ROOT / "scripts/airflow_settings.py")]):
            if not self._run_to_end(argv):
                return False
        stamp.write_text(wanted)
        return True

    def _run_to_end(self, argv: list[str]) -> bool:
        with (self.logs / "database.log").open("ab") as log:
            process = start_session(argv, self._environ, self.home, log)
            while process.poll() is None and not self._stopping:
                time.sleep(0.1)
            end_session(process.pid, GRACE_SEC)
        if process.wait() != 0 and not self._stopping:
            print(f"{' '.join(argv)} failed: read {self.logs / 'database.log'}", file=sys.stderr)
        return process.returncode == 0

    def _start(self, name: str, starts: int = 1) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            process = start_session([str(ROOT / ".venv/bin/airflow"), *PARTS[name]], self._environ, self.home, log)
        self._parts[name] = Part(name, process, time.monotonic(), starts)
        self._write_status()

    def _watch(self) -> None:
        api = AirflowApi(f"http://127.0.0.1:{self.port}")
        while not self._stopping:
            for part in list(self._parts.values()):
                if part.process.poll() is not None:
                    self._start_again(part)
            if not self._ready and api.is_healthy():
                self._ready = True
                self._write_status()
                self._say(f"Airflow is up: {api.url} (login admin, password admin; only from this machine)")
            reap()
            time.sleep(0.25)

    def _start_again(self, part: Part) -> None:
        """A part died: end what it left, or two would do its work; then start it, ever later if it keeps dying."""
        lived_sec = time.monotonic() - part.started
        end_session(part.process.pid, GRACE_SEC if part.name == "scheduler" else 1)
        self._say(f"{part.name} ended with exit code {part.process.returncode} after {lived_sec:.0f} s: starting again")
        starts = 1 if lived_sec > 60 else part.starts + 1
        deadline = time.monotonic() + min(2 ** (starts - 1), 30)
        while time.monotonic() < deadline and not self._stopping:
            time.sleep(0.1)
        if not self._stopping:
            self._start(part.name, starts)

    def _end_all(self) -> None:
        """The scheduler with its tasks first, while the API server can still note how they ended."""
        for name in ("scheduler", "triggerer", "dag-processor", "api-server"):
            if part := self._parts.get(name):
                end_session(part.process.pid, GRACE_SEC if name == "scheduler" else 3)
                part.process.wait()
        reap()
        (self.state / "status.json").unlink(missing_ok=True)

    def _write_status(self) -> None:
        pids = {name: part.process.pid for name, part in self._parts.items()}
        _write(self.state / "sessions.json", pids)
        _write(self.state / "status.json", {"supervisor": os.getpid(), "url": f"http://127.0.0.1:{self.port}",
                                            "ready": self._ready, "pids": pids,
                                            "runtime": self._environ["TOUCHLINE_RUNTIME"]})

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _say(self, text: str) -> None:
        print(text, file=sys.stderr if self.quiet else sys.stdout, flush=True)


def free_port(first: int) -> int:
    """The first port from `first` on that nobody listens on at 127.0.0.1."""
    for port in range(first, first + PORTS_TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise OSError(f"no free port from {first} to {first + PORTS_TRIED - 1}")


def _stamp() -> str:
    """What the database was made from: Airflow's pins and our settings."""
    content = b"".join((ROOT / name).read_bytes() for name in ("requirements.txt", "airflow_settings.yaml"))
    return hashlib.sha256(content).hexdigest() + "\n"


def _write(path: Path, content: object) -> None:
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(json.dumps(content, indent=1) + "\n")
    temporary.replace(path)
