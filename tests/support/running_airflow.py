"""A running Airflow: how does a test start one, ask it and wait for it?"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.services import free_port
from support.waiting import PATIENCE_SEC, wait_for
from touchline.domain.layout import MatchFolder, WorkFiles
from touchline_airflow.access.rest import AirflowApi
from touchline_airflow.checkout import ROOT
from touchline_deploy.build.engine import Engine
from touchline_deploy.embedded.airflow_environment import airflow_environment
from touchline_deploy.embedded.standalone import EmbeddedAirflow, start

RUNTIME = os.environ.get("TOUCHLINE_RUNTIME", "process")
SETTINGS = {"WATCH_STABLE_TIME_SEC": "3", "WATCH_BAD_AFTER_SEC": "20", "CHUNK_DURATION_SEC": "10", "USE_GPU": "false",
            "TOUCHLINE_RUNTIME": RUNTIME, "MIN_FREE_GB": "0"}


@dataclass
class RunningAirflow:
    """Airflow's processes, and the folders that they work in; as a context manager it ends them."""

    processes: EmbeddedAirflow
    nas: Path
    output: Path
    settings: Mapping[str, str]
    engines: Mapping[str, Engine] = field(default_factory=dict)
    """The tests' own, by host; none where steps are processes, or run in the engine of everybody."""
    api: AirflowApi = field(init=False)

    def __post_init__(self) -> None:
        self.api = self.processes.api()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.processes.stop()

    @property
    def working_dir(self) -> Path:
        return self.processes.working_dir

    @property
    def scratch_dirs(self) -> Sequence[Path]:
        """That of each host."""
        return [self.processes.scratch_dir]

    @property
    def catalogue(self) -> str:
        return self.settings.get("CATALOGUE_URL") or f"sqlite:///{self.working_dir / 'catalogue.db'}"

    def files(self, match_id: str) -> WorkFiles:
        return WorkFiles(self.working_dir, match_id)

    def folder(self, match_id: str) -> MatchFolder:
        return MatchFolder(self.output, match_id)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Airflow's own command line."""
        environ = airflow_environment(self.processes.state, self.nas, self.output, self.processes.api_port,
                                      {**os.environ, **self.settings})
        return subprocess.run([ROOT / ".venv" / "bin" / "airflow", *arguments], env=environ, capture_output=True,
                              text=True, check=False)

    def docker(self, *arguments: str, host: str = "") -> str:
        """What docker's command line says of the tests' own engine on this host."""
        environ = {**os.environ, "DOCKER_HOST": self.engines[host].address}
        return subprocess.run(["docker", *arguments], env=environ, capture_output=True, text=True, check=False).stdout

    def host_of(self, pid: int) -> str | None:
        """Where a process runs, "" where there is one machine; None for what is gone."""
        return ""

    def run_of(self, name: str, timeout_sec: float = PATIENCE_SEC) -> dict[str, Any]:
        """The run that the ingest starts for the recording of this name, once it is there."""
        path = str(self.nas / name)
        return wait_for(f"the run of {name}", lambda: next(
            (run for run in self.api.runs("process_match")
             if run["conf"].get("recording") == path and run["dag_run_id"].startswith("match__")), None), timeout_sec)

    def finish(self, run_id: str, timeout_sec: float = PATIENCE_SEC) -> dict[str, Any]:
        return self.api.wait_for_run("process_match", run_id, timeout_sec)

    def tasks(self, run_id: str) -> dict[tuple[str, int], dict[str, Any]]:
        return {(task["task_id"], task["map_index"]): task for task in self.api.tasks("process_match", run_id)}

    def has_begun(self, run_id: str, step: str) -> bool:
        """Whether a step of this name works in its process or container, or did so: its task's log says "Running"."""
        begun = [task for (name, _), task in self.tasks(run_id).items() if name == step and task["try_number"]]
        return any("Running [" in line for task in begun
                   for line in self.api.log("process_match", run_id, step, task["try_number"], task["map_index"]))

    def steps_running(self) -> list[tuple[int, list[str]]]:
        """All touchline and ffmpeg processes of this Airflow, with their command lines: they work below its state."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                argv = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
                is_ours = (process / "cwd").resolve().is_relative_to(self.processes.state)
            except OSError:
                continue
            if is_ours and any(Path(word).name in ("touchline", "ffmpeg", "ffprobe") for word in argv[:3]):
                found.append((int(process.name), argv))
        return found


def running_airflow(folder: Path, settings: Mapping[str, str], *, nas: Path | None = None, output: Path | None = None,
                    engines: Mapping[str, Engine] | None = None) -> RunningAirflow:
    """Start the embedded Airflow, again where it was below this folder; the output lies inside the mount."""
    nas = nas or folder / "nas"
    output = output or nas / "output"
    processes = start(folder / "state", nas, output, port=free_port("127.0.0.1"), settings=settings)
    return RunningAirflow(processes, nas, output, settings, engines or {})
