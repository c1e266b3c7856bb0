"""A running Airflow as a test sees it, and what tests do with it and with footage."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from touchline.domain.layout import MatchFolder, WorkFiles
from touchline_airflow.access.rest import AirflowApi
from touchline_deploy.embedded.standalone import EmbeddedAirflow

ROOT = Path(__file__).resolve().parents[2]
TOUCHLINE = os.environ.get("TOUCHLINE_BIN") or ROOT / ".venv-worker" / "bin" / "touchline"
RUNTIME = os.environ.get("TOUCHLINE_RUNTIME", "process")
SETTINGS = {"WATCH_STABLE_TIME_SEC": "3", "WATCH_BAD_AFTER_SEC": "20", "CHUNK_DURATION_SEC": "10", "USE_GPU": "false",
            "TOUCHLINE_RUNTIME": RUNTIME, "MIN_FREE_GB": "0"}
PATIENCE_SEC = 400
Found = TypeVar("Found")


@dataclass
class House:
    """The running Airflow and its folders; the output lies inside the mount, as operators set it."""

    stack: EmbeddedAirflow
    nas: Path
    output: Path
    api: AirflowApi

    @property
    def catalogue(self) -> str:
        return f"sqlite:///{self.stack.working_dir / 'catalogue.db'}"

    def files(self, match_id: str) -> WorkFiles:
        return WorkFiles(self.stack.working_dir, match_id)

    def folder(self, match_id: str) -> MatchFolder:
        return MatchFolder(self.output, match_id)

    def environment(self) -> dict[str, str]:
        """For Airflow's own command line."""
        from touchline_deploy.embedded.airflow_environment import airflow_environment

        return airflow_environment(self.stack.state, self.nas, self.output, self.stack.api_port,
                                   {**os.environ, **SETTINGS})

    def finish(self, run_id: str, timeout_sec: float = PATIENCE_SEC) -> dict[str, Any]:
        return self.api.wait_for_run("process_match", run_id, timeout_sec)

    def tasks(self, run_id: str) -> dict[tuple[str, int], dict[str, Any]]:
        return {(task["task_id"], task["map_index"]): task for task in self.api.tasks("process_match", run_id)}

    def has_begun(self, run_id: str, step: str) -> bool:
        """Whether a step of this name works in its process or container, or did so: its task's log says "Running"."""
        begun = [task for (name, _), task in self.tasks(run_id).items() if name == step and task["try_number"]]
        return any("Running [" in line for task in begun
                   for line in self.api.log("process_match", run_id, step, task["try_number"], task["map_index"]))


def wait_for(what: str, look: Callable[[], Found | None], timeout_sec: float = PATIENCE_SEC) -> Found:
    """The first answer that is something; the message says what never came."""
    deadline = time.monotonic() + timeout_sec
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what}: not in {timeout_sec:.0f} s"
        time.sleep(0.2)
    return found


def steps_running(state: Path) -> list[tuple[int, list[str]]]:
    """All touchline and ffmpeg processes of this Airflow, with their command lines: they work below its state."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            argv = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
            is_ours = (process / "cwd").resolve().is_relative_to(state)
        except OSError:
            continue
        if is_ours and any(Path(word).name in ("touchline", "ffmpeg", "ffprobe") for word in argv[:3]):
            found.append((int(process.name), argv))
    return found


def simulate(folder: Path, seconds: int, seed: int) -> Path:
    subprocess.run([TOUCHLINE, "simulate", "--seconds", str(seconds), "--seed", str(seed), "--size", "320x180",
                    "--output", folder], check=True, stdout=subprocess.DEVNULL)
    return folder / "match.mp4"


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], check=True)
