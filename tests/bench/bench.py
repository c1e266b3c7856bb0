"""How fast is touchline here, and what does Airflow add? `make bench [BENCH="--part match --json FILE"]`.

`match`: the same 20-minute match by `touchline process` and as a run of Airflow. `long`: 90 minutes at 1920×1080 by
`touchline process`. `containers`: the 20-minute match as a run whose steps are containers, what a container adds, and
whether the slots of the pool gpu are kept busy; it needs an engine. `stack`: ten matches by one and by two hosts of
the full stack; it needs an engine, root, and a machine with nothing else to do. `reels`: a reel of eight clips, copied
and encoded, beside others' tools. Everything lies below `build/bench/`; recordings are kept there, results are made
again each time.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.containers import PoolWatch, container_costs
from bench.material import decode_wall_s, frames_of, looped_match
from bench.two_hosts import compare_hosts
from bench.watched import Cost, run_watched
from support.footage import TOUCHLINE
from support.running_airflow import running_airflow
from touchline_deploy.embedded.demo_watch import DAG, moment, stage_seconds

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "build" / "bench"
PATIENCE_S = 4 * 3600
HOST_SETTINGS = (
    "MAX_WORKERS", "USE_GPU", "CHUNK_DURATION_SEC", "MIN_EVENT_CONFIDENCE", "YOLO_MODEL_PATH", "SPOTTER_MODEL_PATH",
    "ACTION_MODEL_PATH", "OUTPUT_CODEC",
)


def main() -> int:
    """Measure what was asked for; print tables and write JSON."""
    parser = argparse.ArgumentParser(description="Measure touchline on this machine.")
    parser.add_argument("--part", choices=("match", "long", "containers", "stack", "reels", "all"), default="all",
                        help="default: %(default)s")
    parser.add_argument("--minutes", type=int, default=20, help="length of the match (default: %(default)s)")
    parser.add_argument("--long-minutes", type=int, default=90, help="length of the long one (default: %(default)s)")
    parser.add_argument("--matches", type=int, default=10, help="for the stack (default: %(default)s)")
    parser.add_argument("--cores", type=float, default=1, help="cores of one chunk of the stack (default: %(default)s)")
    parser.add_argument("--film", type=Path, help="for reels: another film (default: a simulated one of 1080 lines)")
    parser.add_argument("--peers", default="", metavar="PYTHON", help="for reels: has smartcut and moviepy installed")
    parser.add_argument("--json", type=Path, default=BENCH / "result.json", help="default: build/bench/result.json")
    arguments = parser.parse_args()
    BENCH.mkdir(parents=True, exist_ok=True)
    result: dict[str, Any] = {"machine": machine(), "at": time.strftime("%Y-%m-%d %H:%M")}
    if arguments.part in ("match", "all"):
        result["match"] = measure_match(arguments.minutes)
        print(match_table(result["match"]), flush=True)
    if arguments.part == "containers":
        result["containers"] = measure_containers(arguments.minutes)
        print(containers_table(result["containers"]), flush=True)
    if arguments.part == "stack":
        recording = looped_match(BENCH, arguments.minutes, "320x180", seed=1)
        result["stack"] = {"minutes": arguments.minutes, **compare_hosts(recording, arguments.matches, arguments.cores)}
        print(stack_table(result["stack"]), flush=True)
    if arguments.part in ("reels", "all"):
        result["reels"] = measure_reels(arguments.film, arguments.peers)
        print(reels_table(result["reels"]), flush=True)
    if arguments.part in ("long", "all"):
        result["long"] = measure_long(arguments.long_minutes)
        print(long_table(result["long"]), flush=True)
    arguments.json.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\nwritten: {arguments.json}")
    return 0


def machine() -> dict[str, Any]:
    """What a reader must know of this machine."""
    settings = {name: os.environ[name] for name in HOST_SETTINGS if name in os.environ}
    return {"cpus": len(os.sched_getaffinity(0)), "load_before": os.getloadavg()[0], "settings": settings}


# --- One match, twice -----------------------------------------------------------------------------------------------

def measure_match(minutes: int) -> dict[str, Any]:
    """The same recording by one process and by Airflow, each from nothing."""
    recording = looped_match(BENCH, minutes, "1280x720", seed=1)
    decode_s = decode_wall_s(recording)
    cost, stats = process_anew(recording, "process")
    airflow = run_in_airflow(recording, {"TOUCHLINE_RUNTIME": "process"})
    return {
        "recording": recording.name, "minutes": minutes, "process": asdict(cost), "airflow": airflow,
        "ratio": round(airflow["run_s"] / cost.wall_s, 3),
        "stages_s": stage_walls(stats),
        "decode_frames_per_s": round(frames_of(recording) / decode_s, 1),
        "detector_frames_per_s": mean_rate(stats, "detector_frames_per_s"),
    }


def process_anew(recording: Path, name: str) -> tuple[Cost, dict[str, dict[str, Any]]]:
    """Run `touchline process` into an empty folder; returns its cost and the measurements of its steps."""
    output = BENCH / name
    shutil.rmtree(output, ignore_errors=True)
    work, scratch = output / "work", output / "scratch"
    for folder in (work, scratch):
        folder.mkdir(parents=True)
    environ = {**os.environ, "WORKING_DIR": str(work), "SCRATCH_DIR": str(scratch)}
    print(f"touchline process {recording.name}", flush=True)
    argv = [str(TOUCHLINE), "process", str(recording), "--output", str(output / "out")]
    cost = run_watched(argv, environ, scratch, BENCH / f"{name}.log")
    return cost, all_stats(work)


def all_stats(work: Path) -> dict[str, dict[str, Any]]:
    """The measurements of all steps below a WORKING_DIR, by their file."""
    found = sorted((work / "matches").rglob("*.stats.json"))
    return {str(path.relative_to(work / "matches")): json.loads(path.read_text()) for path in found}


def run_in_airflow(recording: Path, settings: dict[str, str]) -> dict[str, Any]:
    """Drop the recording into an embedded Airflow that has never seen it; returns the times of its run."""
    folder = BENCH / "airflow"
    shutil.rmtree(folder, ignore_errors=True)
    print("a run of Airflow", flush=True)
    started = time.monotonic()
    with running_airflow(folder, {"WATCH_STABLE_TIME_SEC": "5", **settings}) as airflow:
        up_s = time.monotonic() - started
        copying = airflow.nas / f".{recording.name}.part"
        shutil.copyfile(recording, copying)
        copying.rename(airflow.nas / recording.name)
        dropped = time.time()
        run = airflow.finish(airflow.run_of(recording.name, PATIENCE_S)["dag_run_id"], PATIENCE_S)
        if run["state"] != "success":
            raise RuntimeError(f"{DAG} failed: read {folder}")
        began, ended = moment(run["start_date"]), moment(run["end_date"])
        return {"up_s": round(up_s, 1), "drop_to_run_s": round(began - dropped, 1), "run_s": round(ended - began, 1),
                "tasks_s": {name: round(seconds, 1) for name, seconds in
                            stage_seconds(airflow.api, run["dag_run_id"]).items()}}


def stage_walls(stats: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Seconds per step; those of all chunks and all reels together."""
    walls: Counter[str] = Counter()
    for name, values in stats.items():
        parts = Path(name).parts[1:]
        step = {"spottings": "spot_chunk", "reels": "render_reel"}.get(parts[0], parts[0].removesuffix(".stats.json"))
        walls[STEP_OF_RESULT.get(step, step)] += values["wall_s"]
    return {step: round(seconds, 2) for step, seconds in walls.items()}


STEP_OF_RESULT = {"chunks": "plan_chunks", "actions": "merge_actions", "reels": "plan_reels", "published": "publish"}


def mean_rate(stats: dict[str, dict[str, Any]], key: str) -> float:
    """The rate over all chunks, each weighted by its steps."""
    chunks = [values for values in stats.values() if values.get(key)]
    steps = sum(values["steps"] for values in chunks)
    seconds = sum(values["steps"] / values[key] for values in chunks)
    return round(steps / seconds, 1) if seconds else 0.0


# --- In containers --------------------------------------------------------------------------------------------------

def measure_containers(minutes: int) -> dict[str, Any]:
    """The same recording by one process and by a run in containers; then a longer one in ten chunks, two at once."""
    recording = looped_match(BENCH, minutes, "1280x720", seed=1)
    costs = container_costs()
    process, _ = process_anew(recording, "process")
    run = run_in_airflow(recording, {"TOUCHLINE_RUNTIME": "docker"})
    stats = all_stats(BENCH / "airflow" / "state" / "work")
    load_s = [values["load_s"] for values in stats.values() if "load_s" in values]
    ten = looped_match(BENCH, 2 * minutes, "1280x720", seed=1)
    pool_settings = {"TOUCHLINE_RUNTIME": "docker", "MAX_WORKERS": "1", "GPU_SLOTS_PER_CHUNK": "1",
                     "CHUNK_DURATION_SEC": str(12 * minutes)}
    with PoolWatch(BENCH / "airflow" / "state" / "work") as watch:
        run_in_airflow(ten, pool_settings)
    return {"recording": recording.name, "minutes": minutes, "process": asdict(process), "run": run,
            "ratio": round(run["run_s"] / process.wall_s, 3), **costs, "load_s": round(sum(load_s) / len(load_s), 2),
            "pool": watch.result()}


# --- A long one -----------------------------------------------------------------------------------------------------

def measure_long(minutes: int) -> dict[str, Any]:
    """Memory, scratch disk and time of a long recording, against decoding it once."""
    recording = looped_match(BENCH, minutes, "1920x1080", seed=2)
    decode_s = decode_wall_s(recording)
    cost, stats = process_anew(recording, "long")
    return {"recording": recording.name, "minutes": minutes, "process": asdict(cost), "decode_s": round(decode_s, 1),
            "ratio": round(cost.wall_s / decode_s, 2), "stages_s": stage_walls(stats)}


def measure_reels(film: Path | None, peers: str) -> dict[str, Any]:
    """Wall and processor seconds of one reel, by seconds between key frames and by the way it is made."""
    source = film or looped_match(BENCH, 4, "1920x1080", seed=1)
    argv = [ROOT / ".venv-worker/bin/python", "-m", "bench.reels", BENCH, source, *([peers] if peers else [])]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return {"film": source.name, "groups_s": json.loads(done.stdout)}


# --- Tables ---------------------------------------------------------------------------------------------------------

def match_table(match: dict[str, Any]) -> str:
    """What `match` measured, as Markdown."""
    airflow, process = match["airflow"], match["process"]
    rows = [("touchline process", f"{process['wall_s']:.1f} s"), ("DAG run", f"{airflow['run_s']:.1f} s"),
            ("DAG run / process", f"{match['ratio']:.2f}"),
            ("complete drop to run start", f"{airflow['drop_to_run_s']} s"),
            ("Airflow up (first start)", f"{airflow['up_s']} s"),
            ("decode (ffmpeg, every frame)", f"{match['decode_frames_per_s']} frames/s"),
            ("detector", f"{match['detector_frames_per_s']} frames/s"),
            ("largest process", f"{process['memory_mib']:.0f} MiB ({process['memory_of']})")]
    stages = [(f"stage {step}", f"{seconds:.1f} s") for step, seconds in match["stages_s"].items()]
    return table(f"{match['minutes']} minutes, 1280x720", [*rows, *stages])


def containers_table(containers: dict[str, Any]) -> str:
    """What `containers` measured, as Markdown."""
    pool = containers["pool"]
    rows = [("touchline process", f"{containers['process']['wall_s']:.1f} s"),
            ("DAG run in containers", f"{containers['run']['run_s']:.1f} s"),
            ("DAG run in containers / process", f"{containers['ratio']:.2f}"),
            ("a hardened container that does nothing", f"{containers['start_s']} s"),
            ("importing what a chunk needs", f"{containers['import_s']} s"),
            ("loading both models", f"{containers['load_s']} s"),
            (f"{pool['chunks']} chunks, pool of 2: most at once", f"{pool['most_at_once']}"),
            ("both slots at work while chunks waited", f"{pool['both_busy']:.0%} of {pool['waiting_s']} s"),
            ("slots at work while chunks waited", f"{pool['slots_busy']:.0%}")]
    return table(f"{containers['minutes']} minutes, 1280x720, in containers", rows)


def stack_table(stack: dict[str, Any]) -> str:
    """What `stack` measured, as Markdown."""
    one, two = stack["one_host"], stack["two_hosts"]
    rows = [("one host", f"{one['wall_s']} s, {one['matches_per_hour']} matches an hour"),
            ("two hosts", f"{two['wall_s']} s, {two['matches_per_hour']} matches an hour"),
            ("throughput of two / of one", f"{stack['ratio']}"),
            ("one chunk, alone and beside another", f"{one['chunk_s']} s, {two['chunk_s']} s"),
            ("processor time of one chunk", f"{one['chunk_cpu_s']} s, {two['chunk_cpu_s']} s"),
            ("chunks at work, on average", f"{one['chunks_at_work']}, {two['chunks_at_work']}"),
            ("task instances per match", f"{two['tasks_per_match']}"),
            ("database connections at their most", f"{one['connections']}, {two['connections']}"),
            ("transactions of the catalogue", f"{one['catalogue_transactions']}, {two['catalogue_transactions']}"),
            ("Redis's memory at its most", f"{one['redis_mib']}, {two['redis_mib']} MiB"),
            *((f"{part}: per cent of a core", f"{share}, {two['cpu_percent'][part]}")
              for part, share in one["cpu_percent"].items())]
    title = f"{stack['matches']} matches of {stack['minutes']} minutes, {stack['cores_per_chunk']} cores for a chunk"
    return table(title, rows)


def reels_table(reels: dict[str, Any]) -> str:
    """What `reels` measured, as Markdown: wall and processor seconds, and the wall beside that of encoding."""
    rows = []
    for group_s, ways in reels["groups_s"].items():
        encoded_s = ways["encoded"][0]
        for way, (wall_s, cpu_s) in ways.items():
            rows.append((f"a key frame every {group_s} s: {way}",
                         f"{wall_s} s, {cpu_s} s of processor, {wall_s / encoded_s:.2f}"))
    return table(f"eight clips of 8 s of {reels['film']}", rows)


def long_table(long: dict[str, Any]) -> str:
    """What `long` measured, as Markdown."""
    process = long["process"]
    rows = [("touchline process", f"{process['wall_s']:.1f} s"), ("decoding once", f"{long['decode_s']} s"),
            ("process / decoding once", f"{long['ratio']:.2f}"),
            ("largest process", f"{process['memory_mib']:.0f} MiB ({process['memory_of']})"),
            ("scratch disk at its fullest", f"{process['scratch_mib']:.0f} MiB")]
    stages = [(f"stage {step}", f"{seconds:.1f} s") for step, seconds in long["stages_s"].items()]
    return table(f"{long['minutes']} minutes, 1920x1080", [*rows, *stages])


def table(title: str, rows: list[tuple[str, str]]) -> str:
    """A Markdown table of two columns."""
    return "\n".join([f"\n### {title}", "", "| what | measured |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)])


if __name__ == "__main__":
    sys.exit(main())
