"""What does a second host bring, and what does the control plane of the full stack take?"""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Any

import psutil
from docker import APIClient
from docker.errors import APIError
from requests import JSONDecodeError

from support.footage import put_copy
from support.full_stack import FullStack, full_stack

DAG = "process_match"
PATIENCE_S = 3 * 3600
LOOK_EVERY_S = 0.5
PERIOD_US = 1_000_000
CONTROL_PLANE = ("scheduler", "api-server", "dag-processor", "triggerer")
HELD = {"MAX_WORKERS": "1", "USE_GPU": "false", "CHUNK_DURATION_SEC": "3600", "TIDY_EVERY_SEC": "86400",
        "TOUCHLINE_RUNTIME": "docker"}
"""One thread for a chunk, one chunk for a match, nothing but the matches to do."""


def compare_hosts(recording: Path, matches: int, cores: float) -> dict[str, Any]:
    """The same matches by one host and by two, whose chunks have `cores` each (1, or a part of one)."""
    by_hosts = [make_matches(recording, matches, hosts, cores) for hosts in (("one",), ("one", "two"))]
    one, two = by_hosts
    return {"matches": matches, "cores_per_chunk": cores, "one_host": one, "two_hosts": two,
            "ratio": round(one["wall_s"] / two["wall_s"], 2)}


def make_matches(recording: Path, matches: int, hosts: tuple[str, ...], cores: float) -> dict[str, Any]:
    """All at once into a stack that has never seen them; what that took."""
    with (tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
          full_stack(Path(folder), HELD, hosts) as stack):
        api = stack.api
        stack.leave_only(DAG)
        with Watch(stack, cores) as watch:
            runs = [trigger(stack, recording, f"bench-{number:02}") for number in range(matches)]
            ended = [api.wait_for_run(DAG, run_id, PATIENCE_S) for run_id in runs]
        assert all(run["state"] == "success" for run in ended), ended
        wall_s = (max(moment(run["end_date"]) for run in ended) - min(moment(run["start_date"]) for run in ended))
        tasks = [task for run_id in runs for task in api.tasks(DAG, run_id)]
        assert watch.held == matches, f"{watch.held} chunks were held to their cores, {matches} ran"
    print(f"{len(hosts)} host(s): {matches} matches in {wall_s:.1f} s", flush=True)
    chunk_s = sum(task["duration"] for task in tasks if task["task_id"] == "spot_chunk")
    return {"hosts": len(hosts), "wall_s": round(wall_s, 1), "matches_per_hour": round(3600 * matches / wall_s, 1),
            "chunk_s": round(chunk_s / matches, 1), "chunks_at_work": round(chunk_s / wall_s, 2),
            "tasks_per_match": round(len(tasks) / matches, 1), **watch.result()}


def trigger(stack: FullStack, recording: Path, name: str) -> str:
    """A run for a copy of the recording."""
    copy = put_copy(recording, stack.nas / f"{name}.mp4")
    return str(stack.api.trigger(DAG, {"recording": str(copy)}, name)["dag_run_id"])


def moment(text: str) -> float:
    """Seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


class Watch:
    """Looks at PostgreSQL, Redis and Airflow's processes from another thread, and holds chunks to their cores."""

    def __init__(self, stack: FullStack, cores: float) -> None:
        self._stack, self._cores = stack, cores
        self._connections: list[int] = []
        self._cpu_s: dict[str, float] = {}
        self._engines = [APIClient(host.engine.address, version="auto") for host in stack.hosts.values()]
        self._chunk_cpu_s: dict[str, float] = {}
        self._end = threading.Event()
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Watch:
        self._started, self._before, self._committed = time.monotonic(), self._processor_s(), self._transactions()
        self._watching = self._pool.submit(self._watch)
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        self._pool.shutdown()
        self._wall_s = time.monotonic() - self._started
        self._cpu_s = {name: seconds - self._before[name] for name, seconds in self._processor_s().items()}
        self._redis = redis_memory_mib(self._stack)
        self._committed = self._transactions() - self._committed

    def result(self) -> dict[str, Any]:
        """Connections and Redis's memory at their most, per cent of a core for each part, a chunk's processor time."""
        self._watching.result()  # chunks that nobody held are no measurement
        shares = {name: round(100 * seconds / self._wall_s, 1) for name, seconds in self._cpu_s.items()}
        return {"connections": max(self._connections), "redis_mib": self._redis, "cpu_percent": shares,
                "chunk_cpu_s": round(fmean(self._chunk_cpu_s.values()), 1), "catalogue_transactions": self._committed}

    @property
    def held(self) -> int:
        """How many chunks were held to their cores."""
        return len(self._chunk_cpu_s)

    def _transactions(self) -> int:
        """How many the catalogue has committed."""
        return int(self._stack.postgres.ask(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = 'catalogue'") or 0)

    def _watch(self) -> None:
        while not self._end.wait(LOOK_EVERY_S):
            self._connections.append(int(self._stack.postgres.ask(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")) - 1)
            for core, engine in enumerate(self._engines):
                self._hold_chunks(core, engine)

    def _hold_chunks(self, core: int, engine: APIClient) -> None:
        """To one core, which is another for each host, and to its share of each second of it."""
        wanted = {"cpuset_cpus": str(core), "cpu_period": PERIOD_US, "cpu_quota": round(PERIOD_US * self._cores)}
        for container in engine.containers(filters={"label": "touchline.task_id=spot_chunk"}):
            name = container["Id"]
            with contextlib.suppress(APIError, JSONDecodeError):  # it has ended since
                if name not in self._chunk_cpu_s:
                    engine.update_container(name, **wanted)
                usage = engine.stats(name, stream=False, one_shot=True)["cpu_stats"]["cpu_usage"]
                self._chunk_cpu_s[name] = max(usage["total_usage"] / 1e9, self._chunk_cpu_s.get(name, 0))

    def _processor_s(self) -> dict[str, float]:
        pids = self._stack.processes.pids()
        pids |= {"postgres": self._stack.postgres.pid or 0, "redis": self._stack.redis.pid or 0}
        return {name: tree_cpu_s(pids[name]) for name in (*CONTROL_PLANE, "postgres", "redis")}


def redis_memory_mib(stack: FullStack) -> float:
    """`used_memory_peak`."""
    argv = ["redis-cli", "-h", stack.redis.host, "-p", str(stack.redis.port), "info", "memory"]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    values: Mapping[str, str] = dict(line.split(":", 1) for line in lines if ":" in line)
    return round(int(values["used_memory_peak"]) / 2**20, 1)


def tree_cpu_s(pid: int) -> float:
    """Processor time of a process so far, with that of its descendants, those that have ended included."""
    root = psutil.Process(pid)
    return sum(seconds for process in (root, *root.children(recursive=True)) for seconds in _cpu_s(process))


def _cpu_s(process: psutil.Process) -> Iterator[float]:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        yield times.user + times.system + times.children_user + times.children_system
