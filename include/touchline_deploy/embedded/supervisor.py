"""How is the embedded Airflow prepared and supervised until a signal comes? See standalone.py."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from touchline.alone import alone
from touchline_airflow.access.login import USER, login_file, password_of
from touchline_airflow.access.rest import AirflowApi
from touchline_airflow.access.state_folder import supervisor_lock
from touchline_airflow.checkout import ROOT
from touchline_deploy.embedded.airflow_environment import airflow_environment
from touchline_deploy.embedded.process_tree import adopt_orphans, end_recorded_sessions, end_session, start_session
from touchline_deploy.embedded.processes import Command, Processes

GRACE_SEC = 8.0
PORTS_TRIED = 50
PROCESSES = {
    # In the order in which they end: the scheduler first, while the API server can still note how its tasks ended.
    "scheduler": ["airflow", "scheduler", "--skip-serve-logs"],
    "triggerer": ["airflow", "triggerer", "--skip-serve-logs"],
    "dag-processor": ["airflow", "dag-processor"],
    "api-server": ["airflow", "api-server"],
    "sampler": ["python", "-m", "touchline_airflow.sampler"],
}


@dataclass
class Supervisor:
    """Runs all processes until a signal comes; the state folder belongs to one supervisor at a time."""

    state: Path
    nas: Path
    output: Path
    port: int
    quiet: bool = False
    _pids: dict[str, int] = field(default_factory=dict)
    _stopping: bool = False
    _ready: bool = False
    _environ: dict[str, str] = field(default_factory=dict)

    def run(self) -> int:
        """Supervise; returns the exit code."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(alone(supervisor_lock(self.state), wait=False))
            except BlockingIOError:
                print(f"Airflow runs already with the state folder {self.state}", file=sys.stderr)
                return 1
            return self._run_alone()

    @property
    def logs(self) -> Path:
        """One file per process."""
        return self.state / "logs"

    @property
    def home(self) -> Path:
        """AIRFLOW_HOME, and the working folder of every process that we start."""
        return self.state / "airflow"

    @property
    def url(self) -> str:
        """Where UI and API are."""
        return f"http://127.0.0.1:{self.port}"

    def _run_alone(self) -> int:
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGTERM, self._stop)
        adopt_orphans()
        end_recorded_sessions(self.state / "sessions.json", self.home)
        self._prepare()
        if not self._make_database():
            return 0 if self._stopping else 1
        processes = Processes(self._commands(), self.home, self.logs, self._say, self._note_pids)
        try:
            processes.start()
            self._watch(processes)
            return 0
        finally:
            processes.end()
            (self.state / "status.json").unlink(missing_ok=True)

    def _prepare(self) -> None:
        ours = (self.state / name for name in ("work", "scratch", "backups"))
        for folder in (self.home, self.nas, self.output, *ours):
            folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port(self.port)
        self._environ = airflow_environment(self.state, self.nas, self.output, self.port, os.environ)

    def _make_database(self) -> bool:
        """Bring Airflow's tables up and put our settings in; skipped while the stamp says that both are done."""
        stamp = self.home / "database.stamp"
        wanted = _stamp()
        if (self.home / "airflow.db").exists() and stamp.exists() and stamp.read_text() == wanted:
            return True
        airflow, python = str(ROOT / ".venv/bin/airflow"), str(ROOT / ".venv/bin/python")
        for argv in ([airflow, "db", "migrate"], [python, "-m", "touchline_airflow.airflow_settings"]):
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

    def _commands(self) -> Mapping[str, Command]:
        programs = ROOT / ".venv" / "bin"
        return {name: Command([str(programs / program), *argv], self._environ, GRACE_SEC if name == "scheduler" else 3)
                for name, (program, *argv) in PROCESSES.items()}

    def _watch(self, processes: Processes) -> None:
        api = AirflowApi(self.url, USER, password_of(self.state))
        while not self._stopping:
            processes.look()
            if not self._ready and api.is_healthy():
                self._ready = True
                self._write_status()
                self._say(f"Airflow is up: {self.url} (user {USER}, password in {login_file(self.state)})")
            time.sleep(0.25)

    def _note_pids(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        _write(self.state / "sessions.json", self._pids)
        self._write_status()

    def _write_status(self) -> None:
        _write(self.state / "status.json", {"supervisor": os.getpid(), "url": self.url, "ready": self._ready,
                                            "pids": self._pids, "runtime": self._environ["TOUCHLINE_RUNTIME"]})

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
