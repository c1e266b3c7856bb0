"""How do tests get a PostgreSQL and a Redis of their own? From Debian's packages, in a folder, on a free port.

Neither is a system service: all files lie below the folder, and `stop` (or the end of the `with`) ends every process.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from touchline_deploy.build.engine import POSTGRES_PROGRAMS
from touchline_deploy.embedded.process_tree import dies_with_parent

START_SEC = 60.0
ROLE = "touchline"


class ServiceError(Exception):
    """One line for a person: what is missing or did not start, and where its log lies."""


def missing() -> str:
    """What is not installed, in one line; empty when all is there."""
    lacking = [*([] if POSTGRES_PROGRAMS else ["postgresql"]),
               *([] if shutil.which("redis-server") else ["redis-server"])]
    return f"not installed (Debian's names): {', '.join(lacking)}" if lacking else ""


class Service(ABC):
    """One server process with a folder and a port of its own; used as a context manager or by `start` and `stop`."""

    account = ""
    """Who runs it where we are root: PostgreSQL refuses to run as root."""

    def __init__(self, folder: Path, port: int = 0, host: str = "127.0.0.1") -> None:
        self.folder, self.host, self.port = folder.resolve(), host, port or free_port(host)
        self.log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> Self:
        """Start it and wait until it answers; one that runs is used as it is."""
        if self.pid:
            return self
        self._prepare()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                             user=self._user(), group=self._group(), extra_groups=self._groups(),
                                             cwd=self.folder, start_new_session=True,
                                             preexec_fn=dies_with_parent(signal.SIGINT))
        deadline = time.monotonic() + START_SEC
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise ServiceError(f"{type(self).__name__} did not start: read {self.log}")
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """End it in good order: clients are cut off, data is kept."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL it; PostgreSQL's own children see that and end as well."""
        self._end(signal.SIGKILL)

    @abstractmethod
    def answers(self) -> bool:
        """Whether it takes requests."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self.folder, self.account, self.account)

    @abstractmethod
    def _argv(self) -> list[str]:
        """The server's command line."""

    def _user(self) -> str | None:
        return self.account if os.geteuid() == 0 else None

    def _group(self) -> int | None:
        return pwd.getpwnam(self.account).pw_gid if os.geteuid() == 0 else None

    def _groups(self) -> list[str] | None:
        return [] if os.geteuid() == 0 else None


class Postgres(Service):
    """A PostgreSQL whose superuser `touchline` needs no password; the folder must be one that its user may enter."""

    account = "postgres"

    def url(self, database: str, driver: str = "psycopg2") -> str:
        """SQLAlchemy address of a database, which is made if it is not there."""
        if self.ask(f"SELECT 1 FROM pg_database WHERE datname = '{database}'") != "1":
            self.ask(f'CREATE DATABASE "{database}"')
        return f"postgresql+{driver}://{ROLE}@{self.host}:{self.port}/{database}"

    def ask(self, statement: str, database: str = "postgres") -> str:
        """What psql answers: bare values."""
        argv = [self._program("psql"), "--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "-h", self.host,
                "-p", str(self.port), "-U", ROLE, "-d", database, "-c", statement]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServiceError(done.stderr.strip())
        return done.stdout.strip()

    def answers(self) -> bool:
        """Whether it takes requests."""
        argv = [self._program("pg_isready"), "-q", "-h", self.host, "-p", str(self.port)]
        return subprocess.run(argv, check=False).returncode == 0

    def _prepare(self) -> None:
        super()._prepare()
        data = self.folder / "data"
        if not (data / "PG_VERSION").exists():
            argv = [self._program("initdb"), "-D", str(data), "-U", ROLE, "--auth=trust", "-E", "UTF8", "--locale=C",
                    "--no-sync"]
            done = subprocess.run(argv, capture_output=True, text=True, check=False, user=self._user(),
                                  group=self._group(), extra_groups=self._groups(), cwd=self.folder)
            if done.returncode:
                raise ServiceError(f"initdb: {done.stderr.strip().splitlines()[-1]}")
            with (data / "pg_hba.conf").open("a") as rules:
                rules.write("host all all samenet trust\n")
        (data / "postmaster.pid").unlink(missing_ok=True)

    def _argv(self) -> list[str]:
        return [self._program("postgres"), "-D", str(self.folder / "data"), "-h", self.host, "-p", str(self.port),
                "-k", "", "-c", "max_connections=200"]

    def _program(self, name: str) -> str:
        if not POSTGRES_PROGRAMS:
            raise ServiceError(missing())
        return str(POSTGRES_PROGRAMS[-1] / name)


class Redis(Service):
    """A Redis without a password that writes every change to its append-only file within a second."""

    account = "redis"

    @property
    def url(self) -> str:
        """Address of its first database."""
        return f"redis://{self.host}:{self.port}/0"

    def answers(self) -> bool:
        """Whether it takes requests."""
        with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), timeout=5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        return False

    def _argv(self) -> list[str]:
        program = shutil.which("redis-server")
        if not program:
            raise ServiceError(missing())
        return [program, "--bind", self.host, "--port", str(self.port), "--protected-mode", "no", "--appendonly", "yes",
                "--dir", str(self.folder)]


def free_port(host: str) -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
