"""What a kill sees and leaves: the processes and files of one match in a running Airflow."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from support.footage import frames, put_copy
from support.running_airflow import RunningAirflow
from support.waiting import wait_for
from touchline.catalogue import matches, runs
from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles
from touchline.errors import CatalogueError
from touchline.results.result import read_result
from touchline_airflow.access.rest import AirflowApi, ApiError

DAG = "process_match"
TASK_TITLE = b"airflow worker -- "
ENDED = ("success", "failed", "upstream_failed", "skipped", "removed")
PATIENCE_SEC = 900
Found = TypeVar("Found")


@dataclass(frozen=True)
class Victim:
    """A task instance at work; a later try has another `instance` id.

    `task` is the process that runs our code, `supervisor` the one of Airflow that watches it; `host` is empty where
    one machine does everything.
    """

    instance: str
    step: str
    map_index: int
    task: int
    supervisor: int
    host: str = ""

    @property
    def is_at_work(self) -> bool:
        """Whether its process still runs."""
        return _state(self.task) not in ("", "Z", "X")


@dataclass
class Reference:
    """What an undisturbed run made of the same pictures, and how long each step took."""

    actions: list[dict[str, Any]] = field(default_factory=list)
    reels: dict[str, str] = field(default_factory=dict)
    usual_sec: dict[str, float] = field(default_factory=dict)


@dataclass
class Ground:
    """Where matches are played: a running Airflow, and the footage that all of them are copies of."""

    airflow: RunningAirflow
    footage: Path
    reference: Reference = field(default_factory=Reference)

    def containers(self, match_id: str, step: str, host: str, *, also_ended: bool = False) -> list[str]:
        """Ids of the containers on a host that work for a match."""
        labels = [f"label=touchline.match_id={match_id}", *([f"label=touchline.task_id={step}"] if step else [])]
        return self.airflow.docker("ps", "--format", "{{.ID}}", *(f"--filter={label}" for label in labels),
                                   *(["--all"] if also_ended else []), host=host).split()

    @property
    def api(self) -> AirflowApi:
        """A client of its own for every use: matches are played in threads."""
        return self.airflow.processes.api()


@dataclass
class PlayedMatch:
    """One match that is being made, under the run that works on it now."""

    ground: Ground
    name: str
    run_id: str = ""
    api: AirflowApi = field(init=False)

    def __post_init__(self) -> None:
        """Drop a copy of the footage."""
        self.api = self.ground.api
        self.recording = put_copy(self.ground.footage, self.airflow.nas / f"{self.name}.mp4")
        self.recording.with_name(f"{self.name}.marks.csv").write_text("time,label\n00:00:12,Save\n")

    @property
    def airflow(self) -> RunningAirflow:
        return self.ground.airflow

    @property
    def match_id(self) -> str:
        """Known as soon as `open_match` has registered it."""
        known = patiently(lambda: matches.every(self.airflow.catalogue))
        return next((row.match_id for row in known if row.recording == str(self.recording)), "")

    @property
    def work(self) -> WorkFiles:
        """Files between the steps."""
        return self.airflow.files(self.match_id)

    @property
    def folder(self) -> MatchFolder:
        """What was published."""
        return self.airflow.folder(self.match_id)

    def trigger(self, run_id: str) -> None:
        """Start a run by hand."""
        self.run_id = run_id
        patiently(lambda: self.api.trigger(DAG, {"recording": str(self.recording)}, run_id))

    def clear(self, step: str) -> None:
        """Clear a step, all of its parts, with what lies downstream."""
        patiently(lambda: self.api.clear(DAG, self.run_id, [step]))

    def run_state(self) -> str:
        """State of the run in Airflow."""
        return str(patiently(lambda: self.api.run(DAG, self.run_id))["state"])

    def tasks(self) -> list[dict[str, Any]]:
        """All task instances."""
        return list(patiently(lambda: self.api.tasks(DAG, self.run_id)))

    def wait_for_end(self) -> str:
        """The state in which the run ended."""
        wait_for(f"the end of {self.run_id}", lambda: self.run_state() in ("success", "failed"), PATIENCE_SEC, 1)
        return self.run_state()

    def wait_until_at_work(self, step: str) -> Victim | None:
        """The first task instance of this step that is seen at work; None when all have ended unseen."""
        deadline = time.monotonic() + PATIENCE_SEC
        while time.monotonic() < deadline:
            instances = {task["id"]: task for task in self.tasks() if task["task_id"] == step}
            if all(task["state"] in ENDED for task in instances.values()):
                return None
            for _ in range(20):
                if found := self._at_work(instances):
                    return self._with_map_index(found)
                time.sleep(0.02)
        raise AssertionError(f"{step} of {self.run_id} never began")

    def _at_work(self, instances: Mapping[str, dict[str, Any]]) -> Victim | None:
        found = _at_work(instances)
        host = self.airflow.host_of(found.supervisor) if found else None
        return replace(found, host=host) if found and host is not None else None

    def _with_map_index(self, victim: Victim) -> Victim:
        """A mapped task is one instance until its list is there: then that instance is the first part."""
        is_mapped = any(task["map_index"] == 0 for task in self.tasks() if task["task_id"] == victim.step)
        return replace(victim, map_index=0) if is_mapped and victim.map_index < 0 else victim

    def work_units(self, step: str = "", host: str | None = None) -> set[str]:
        """What works for this match (on this step, this host): "process 12", "container 0a1b"; ffmpeg counts too."""
        match_id, command = self.match_id, step.replace("_", "-")
        if not match_id:
            return set()
        processes = {f"process {pid}" for pid, argv in self.airflow.steps_running()
                     if any(match_id in word for word in argv) and (not step or command in argv)}
        hosts = [name for name in self.airflow.engines if host in (None, name)]
        return processes | {f"container {name}" for each in hosts
                            for name in self.ground.containers(match_id, step, each)}

    def running_chunks(self) -> dict[int, str]:
        """Ids of the instances of `spot_chunk` that run now, by map index."""
        return {task["map_index"]: task["id"] for task in self.tasks()
                if task["task_id"] == "spot_chunk" and task["state"] == "running"}

    def computed_again(self, interrupted: Mapping[int, str]) -> int:
        """How many of these chunks another instance computed, rather than found done; waits until they are done."""
        if not interrupted:
            return 0
        tasks = wait_for("the interrupted chunks", lambda: self._ended_chunks(interrupted), PATIENCE_SEC, 0.5)
        chunks = read_result(self.work.chunks).result["chunks"]
        return sum(tasks[index]["id"] != instance and _made_by(tasks[index], self.work, chunks)
                   for index, instance in interrupted.items())

    def _ended_chunks(self, wanted: Iterable[int]) -> dict[int, dict[str, Any]]:
        found = {task["map_index"]: task for task in self.tasks() if task["task_id"] == "spot_chunk"}
        return found if all(found[index]["state"] in ENDED for index in wanted) else {}

    def finished_chunks(self) -> dict[Path, tuple[int, int]]:
        """Results of chunks that are there, and what tells a later one from it."""
        if not self.match_id:
            return {}
        found = (self.work.root / "spottings").glob("chunk-????.json")
        return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}

    def status(self) -> tuple[str, str | None]:
        """Status and reason in the catalogue."""
        match_id = self.match_id
        row = patiently(lambda: matches.find(self.airflow.catalogue, match_id)) if match_id else None
        return (row.status, row.reason) if row else ("unknown", None)

    def wrong(self) -> Iterator[str]:
        """What a published match has that it should not have; nothing is the right answer."""
        if (found := self.status()) != ("published", None):
            yield f"the catalogue says {found}"
        ended = [row["status"] for row in patiently(lambda: runs.of_match(self.airflow.catalogue, self.match_id))]
        if ended.count("published") != 1 or "running" in ended:
            yield f"its runs ended as {ended}"
        yield from self._wrong_files()
        yield from self.left_over()

    def left_over(self) -> Iterator[str]:
        """What stays of a run that has ended and should not."""
        yield from self.work_units()
        for host in self.airflow.engines:
            for container in self.ground.containers(self.match_id, "", host, also_ended=True):
                yield f"container {container} of {host or 'this machine'}"
        for root in (self.work.root, self.folder.root):
            yield from (f"temporary file {path}" for path in root.rglob("*") if ".part" in path.name)
        for scratch_dir in self.airflow.scratch_dirs:
            if (root := ScratchFiles(scratch_dir, self.match_id).root).exists():
                yield f"scratch folder {root}"
        row = patiently(lambda: matches.find(self.airflow.catalogue, self.match_id))
        if row and row.lease_holder:
            yield f"lease of {row.lease_holder}"

    def _wrong_files(self) -> Iterator[str]:
        try:
            manifest = json.loads(self.folder.manifest.read_bytes())["files"]
            for name, entry in manifest.items():
                for path in (self.folder.root / name, self.folder.root / entry["version"]):
                    if hashlib.sha256(path.read_bytes()).hexdigest() != entry["sha256"]:
                        yield f"{path} is not what the manifest says"
            if published_actions(self) != self.ground.reference.actions:
                yield "actions.json differs from that of an undisturbed run"
            if published_reels(self) != self.ground.reference.reels:
                yield "reels differ from those of an undisturbed run"
        except (OSError, ValueError, KeyError) as error:
            yield f"match folder: {error!r}"
        if self.folder.failure.exists():
            yield "FAILED.txt in a published folder"


def published_actions(match: PlayedMatch) -> list[dict[str, Any]]:
    """The published actions of a match."""
    return list(json.loads((match.folder.root / "actions.json").read_bytes())["actions"])


def published_reels(match: PlayedMatch) -> dict[str, str]:
    """The frames and the sound of each published reel."""
    return {path.name: frames(path) for path in sorted((match.folder.root / "reels").glob("*.mp4"))}


def learn(match: PlayedMatch) -> Reference:
    """What this undisturbed, published match says about all its copies."""
    usual: dict[str, float] = {}
    for task in match.tasks():
        usual[task["task_id"]] = max(usual.get(task["task_id"], 0.0), task["duration"] or 0.0)
    chunks = read_result(match.work.chunks).result["chunks"]
    assert len(chunks) >= 3, "the footage is too short for three chunks"
    return Reference(published_actions(match), published_reels(match), usual)


def patiently(ask: Callable[[], Found]) -> Found:
    """Ask again while it is busy or away: everything here happens while things are being killed."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return ask()
        except (ApiError, OSError, CatalogueError) as error:
            if time.monotonic() > deadline or (isinstance(error, ApiError) and error.status in (400, 404, 422)):
                raise
        time.sleep(1)


def _at_work(instances: Mapping[str, dict[str, Any]]) -> Victim | None:
    """The task's process carries the id of the task instance in its title; its parent is the supervisor."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            title = (process / "cmdline").read_bytes()
            words = title.split(b"\0")[0].decode(errors="replace").split() if title.startswith(TASK_TITLE) else []
            if len(words) == 4 and words[-1] in instances:
                task, pid = instances[words[-1]], int(process.name)
                return Victim(words[-1], task["task_id"], task["map_index"], pid, int(_stat(pid)[1]))
    return None


def _made_by(task: Mapping[str, Any], work: WorkFiles, chunks: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the result of a chunk was written while this instance ran."""
    written = work.spottings(chunks[max(task["map_index"], 0)]["chunk_id"]).stat().st_mtime
    return written >= datetime.fromisoformat(task["start_date"]).timestamp()


def _state(pid: int) -> str:
    try:
        return _stat(pid)[0]
    except (OSError, IndexError):
        return ""


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
