"""How does one machine run all of Airflow for touchline, and how does nothing of it stay?

On the command line, until Ctrl-C or SIGTERM:

    .venv/bin/python -m touchline_deploy.embedded.standalone --state DIR --nas DIR --output DIR [--port 8080]

From Python (the demo, the tests; standard library only, any interpreter):

    airflow = start(state, nas, output, port=8080, settings={"WATCH_STABLE_TIME_SEC": "3"})
    airflow.api_url, airflow.api_port                 # "http://127.0.0.1:8080", 8080 or the next free port
    airflow.token()                                   # a bearer token
    airflow.api()                                     # an AirflowApi: runs, tasks, clear, trigger…
    airflow.working_dir, airflow.scratch_dir          # state/work, state/scratch
    airflow.logs                                      # state/logs: <process>.log of each, and .1 to .4 before it
    airflow.pids()                                    # {"scheduler": 123, …}, as they are now
    airflow.stop()                                    # also when used as a context manager

`start` returns when the UI and all four components of Airflow are up. A process that dies is started again, after
everything that it left behind was ended. The state folder may be used again: the second start migrates nothing and is
quick.

The password of the user admin is made at the first start and stands in DIR/login.json. Airflow is bound to 127.0.0.1
and answers to the names of this machine only. For more than one person use the compose files, which have real logins.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from touchline.alone import alone
from touchline.errors import TouchlineError
from touchline_airflow.access.login import USER, password_of
from touchline_airflow.access.rest import AirflowApi
from touchline_airflow.access.state_folder import status_of, supervisor_lock
from touchline_airflow.brought_settings import remarks
from touchline_airflow.checkout import ROOT, python_path
from touchline_deploy.embedded.process_tree import dies_with_parent, end_recorded_sessions

START_TIMEOUT_SEC = 240


class StandaloneError(Exception):
    """Airflow did not come up; the message says where its log lies."""


@dataclass
class EmbeddedAirflow:
    """A running Airflow with its supervisor."""

    state: Path
    supervisor: subprocess.Popen[bytes]
    api_url: str

    @property
    def api_port(self) -> int:
        """The port of UI and API on 127.0.0.1."""
        return int(self.api_url.rpartition(":")[2])

    @property
    def working_dir(self) -> Path:
        """WORKING_DIR of the steps."""
        return self.state / "work"

    @property
    def scratch_dir(self) -> Path:
        """SCRATCH_DIR of the steps."""
        return self.state / "scratch"

    @property
    def logs(self) -> Path:
        """Folder with the log of each process."""
        return self.state / "logs"

    @property
    def runtime(self) -> str:
        """How steps run, as it was decided at the start: "docker" or "process"."""
        return str(status_of(self.state).get("runtime", ""))

    def api(self) -> AirflowApi:
        """A client that is logged in."""
        return AirflowApi(self.api_url, USER, password_of(self.state))

    def token(self) -> str:
        """A fresh bearer token."""
        return self.api().token()

    def pids(self) -> dict[str, int]:
        """Process ids by name, as they are now."""
        return dict(status_of(self.state).get("pids", {}))

    def stop(self, timeout_sec: float = 60) -> None:
        """End everything; returns when nothing of it runs any more."""
        if self.supervisor.poll() is None:
            self.supervisor.send_signal(signal.SIGTERM)
        try:
            self.supervisor.wait(timeout_sec)
        except subprocess.TimeoutExpired:
            self.supervisor.kill()
            self.supervisor.wait()
        _end_leftovers(self.state)

    def __enter__(self) -> EmbeddedAirflow:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()


def start(state: Path, nas: Path, output: Path, port: int = 8080,
          settings: Mapping[str, str] | None = None, timeout_sec: float = START_TIMEOUT_SEC) -> EmbeddedAirflow:
    """Start Airflow in the background and wait until it is healthy; it ends with this process at the latest.

    `settings` are touchline's own variables (WATCH_STABLE_TIME_SEC…) or Airflow's (AIRFLOW__…).

    Raises:
        StandaloneError: it is not up in time; the supervisor was ended.
    """
    state = state.resolve()
    state.mkdir(parents=True, exist_ok=True)
    argv = [str(ROOT / ".venv" / "bin" / "python"), "-m", "touchline_deploy.embedded.standalone",
            "--state", str(state), "--nas", str(nas.resolve()), "--output", str(output.resolve()),
            "--port", str(port), "--quiet"]
    return launch(state, argv, {**os.environ, **(settings or {})}, timeout_sec)


def launch(state: Path, argv: Sequence[str], environ: Mapping[str, str], timeout_sec: float) -> EmbeddedAirflow:
    """Run a supervisor of this state folder in the background and wait until what it runs is healthy.

    Raises:
        StandaloneError: it is not up in time; the supervisor was ended.
    """
    with (state / "supervisor.log").open("ab") as log:
        supervisor = subprocess.Popen(argv, env={**environ, "PYTHONPATH": python_path(environ)},
                                      stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                      preexec_fn=dies_with_parent(signal.SIGTERM))
    airflow = EmbeddedAirflow(state, supervisor, "")
    try:
        airflow.api_url = _wait_until_ready(airflow, timeout_sec)
    except BaseException:
        airflow.stop()
        raise
    return airflow


def main() -> int:
    """Supervise in the foreground until a signal comes."""
    from touchline_deploy.embedded.supervisor import Supervisor

    parser = argparse.ArgumentParser(description="Run Airflow for touchline on this machine, bound to 127.0.0.1.")
    parser.add_argument("--state", type=Path, required=True, metavar="DIR", help="where database and logs go")
    parser.add_argument("--nas", type=Path, required=True, metavar="DIR", help="folder to watch (NAS_MOUNT_PATH)")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="match folders (NAS_OUTPUT_PATH)")
    parser.add_argument("--port", type=int, default=8080, help="first port to try (default: %(default)s)")
    parser.add_argument("--quiet", action="store_true", help="print nothing but errors")
    arguments = parser.parse_args()
    supervisor = Supervisor(arguments.state.resolve(), arguments.nas.resolve(), arguments.output.resolve(),
                            arguments.port, quiet=arguments.quiet)
    for line in remarks(os.environ):
        print(line, file=sys.stderr)
    try:
        return supervisor.run()
    except TouchlineError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _wait_until_ready(airflow: EmbeddedAirflow, timeout_sec: float) -> str:
    deadline = time.monotonic() + timeout_sec
    while time.monotonic() < deadline:
        if airflow.supervisor.poll() is not None:
            raise StandaloneError(f"Airflow did not start: {_last_line(airflow.state / 'supervisor.log')}")
        status = status_of(airflow.state)
        if status.get("ready") and status.get("supervisor") == airflow.supervisor.pid:
            return str(status["url"])
        time.sleep(0.2)
    raise StandaloneError(f"Airflow was not up after {timeout_sec:.0f} s: read {airflow.logs}")


def _last_line(log: Path) -> str:
    """What the supervisor said last, else where to read."""
    lines = log.read_text(errors="replace").splitlines()
    return lines[-1] if lines else f"read {log.parent / 'logs'}"


def _end_leftovers(state: Path) -> None:
    """End what a supervisor that was killed left behind, unless another one has the state folder now."""
    with contextlib.suppress(BlockingIOError), alone(supervisor_lock(state), wait=False):
        end_recorded_sessions(state / "sessions.json", state / "airflow")


if __name__ == "__main__":
    sys.exit(main())
