"""A film goes through the pipeline, step by step and from outside: what was found, and what did each step take?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from touchline.domain.action import Spotting
from touchline.domain.layout import WorkFiles
from touchline.domain.step_table import STEPS, Step
from touchline.results.files import write_json
from touchline.results.result import REUSED, read_result, read_stats
from touchline.settings import Settings
from touchline_deploy.accuracy.command import run_touchline

LAST_STEP = "merge_actions"
LEAST_CONFIDENCE = 0.01
"""From here on spottings are ranked for the average precision."""
THRESHOLD = Settings.min_event_confidence
"""What a user gets."""
COSTS = "costs.json"
MODELS = ("detector", "spotter", "clip_model")


@dataclass(frozen=True, slots=True)
class Run:
    """What the pipeline said of a film.

    `ranked`: everything from the lowest confidence on; `actions` and `candidates` at the default threshold. `costs`:
    {step: seconds, seconds of processors, MiB}; `models`: {kind: digest}; `commits`: of the code that ran.
    """

    length_ms: int
    ranked: tuple[Spotting, ...]
    actions: tuple[Spotting, ...]
    candidates: tuple[Spotting, ...]
    scan: dict[str, Any]
    costs: dict[str, dict[str, float]]
    models: dict[str, str]
    commits: tuple[str, ...]


@dataclass(slots=True)
class _Costs:
    """What each command of a run took, kept in a file, so that a run can go on where it was interrupted."""

    path: Path
    commit: str
    commands: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.exists():
            self.commands = json.loads(self.path.read_text())

    def note(self, name: str, cost: Mapping[str, float]) -> None:
        self.commands[name] = {**cost, "commit": self.commit}
        write_json(self.path, self.commands)

    def by_step(self) -> dict[str, dict[str, float]]:
        """Seconds of all parts of a step together, and the largest memory of one."""
        wall, cpu, memory = Counter[str](), Counter[str](), Counter[str]()
        for name, one in self.commands.items():
            step = name.partition(" ")[0]
            wall[step] += one["wall_s"]
            cpu[step] += one["cpu_s"]
            memory[step] = max(memory[step], one["memory_mib"])
        return {step: {"wall_s": round(wall[step], 2), "cpu_s": round(cpu[step], 2), "memory_mib": memory[step]}
                for step in wall}

    def commits(self) -> tuple[str, ...]:
        return tuple(sorted({one["commit"] for one in self.commands.values()}))


def run_film(recording: Path, folder: Path, commit: str) -> Run:
    """Send a recording through all steps up to the actions; what was done by an earlier try is reused.

    Raises:
        TouchlineError: a step failed; the message names its log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    work, log = folder / "work", folder / "log.txt"
    settings = {"WORKING_DIR": str(work), "SCRATCH_DIR": str(folder / "scratch"), "CATALOGUE_URL": "",
                "NAS_MOUNT_PATH": str(recording.parent), "NAS_OUTPUT_PATH": str(folder / "output")}
    costs = _Costs(folder / COSTS, commit)
    match_id = run_touchline(["register", recording], settings, log).last_line
    files = WorkFiles(work, match_id)
    found = {}
    for name, threshold in (("ranked", LEAST_CONFIDENCE), ("accepted", THRESHOLD)):
        for step in _steps():
            for part in _parts(step, files):
                done = run_touchline([step.command, match_id, *part],
                                     {**settings, "MIN_EVENT_CONFIDENCE": str(threshold)}, log)
                if done.last_line != REUSED:
                    cost = {key: value for key, value in asdict(done).items() if key != "last_line"}
                    costs.note(" ".join((step.name, *part)), cost)
        found[name] = read_result(files.actions).result
    scan = read_result(files.scan).result
    return Run(scan["duration_ms"], tuple(_spottings(found["ranked"], "actions", "candidates")),
               tuple(_spottings(found["accepted"], "actions")), tuple(_spottings(found["accepted"], "candidates")),
               scan, costs.by_step(), _models(files), costs.commits())


def _steps() -> tuple[Step, ...]:
    names = [step.name for step in STEPS]
    return STEPS[: names.index(LAST_STEP) + 1]


def _parts(step: Step, files: WorkFiles) -> list[tuple[str, ...]]:
    """The arguments of each part of a step, once it is known which there are."""
    if not step.part:
        return [()]
    return [(chunk["chunk_id"],) for chunk in read_result(files.chunks).result["chunks"]]


def _spottings(result: Mapping[str, Any], *keys: str) -> Iterator[Spotting]:
    """Those of `actions.json`, with the other labels near a candidate."""
    for key in keys:
        for one in result[key]:
            for told in (one, *one.get("others", ())):
                yield Spotting(told["match_ms"], told["label"], told["confidence"])


def _models(files: WorkFiles) -> dict[str, str]:
    """Which models were at work: the steps that use them tell their digests."""
    chunks = [files.spottings(chunk["chunk_id"]) for chunk in read_result(files.chunks).result["chunks"]]
    stats = {name: value for path in (*chunks, files.actions) for name, value in read_stats(path).items()}
    return {name: str(stats[name])[:8] for name in MODELS if stats.get(name)}
