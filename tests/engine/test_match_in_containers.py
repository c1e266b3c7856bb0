"""A match in containers, by a real Airflow: what they may do, what they leave, and that they make the same files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.footage import TOUCHLINE, ffmpeg, frames, simulate
from support.running_airflow import SETTINGS, RunningAirflow, running_airflow
from support.waiting import wait_for
from touchline.catalogue import matches, recordings, runs
from touchline.domain.step_table import STEPS
from touchline.results.growing import growing_match_id
from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.runtime.container_spec import deployment_of

PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
LOOK_AROUND = """
import json, os, socket
def refused(act):
    try:
        act()
    except OSError as error:
        return error.strerror
    return "allowed"
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "uid": os.getuid(), "capabilities": {status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd")}.pop(),
    "no_new_privileges": status["NoNewPrivs"].strip(), "interfaces": os.listdir("/sys/class/net"),
    "connect": refused(lambda: socket.create_connection(("192.0.2.1", 80), 2)),
    "write_root": refused(lambda: open("/opt/touchline/x", "w")),
    "write_recording": refused(lambda: open(RECORDING, "r+b")),
    "beside_recording": os.listdir(os.path.dirname(RECORDING)), "work": os.listdir(WORK),
    "socket": [path for path in ("/var/run/docker.sock", "/run/docker.sock") if os.path.exists(path)],
    "writable": sorted(line.split()[1] for line in open("/proc/mounts") if "rw" in line.split()[3].split(",")),
}, default=list))
"""


@dataclass
class Watched:
    """What was seen of one run: containers at work, how many at once, and what a chunk's looked like."""

    airflow: RunningAirflow
    match_id: str = ""
    run_id: str = ""
    chunk: dict[str, Any] = field(default_factory=dict)
    inside: dict[str, Any] = field(default_factory=dict)
    most_chunks: int = 0
    steps: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("footage")
    return simulate(folder / "match", 26, 4)


@pytest.fixture(scope="module")
def airflow(engine: Any, worker_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAirflow]:
    """A running Airflow whose steps run in containers; none of them is left at its end."""
    folder = tmp_path_factory.mktemp("airflow")
    settings = {**SETTINGS, "TOUCHLINE_RUNTIME": "docker", "TOUCHLINE_WORKER_IMAGE": worker_image,
                "LIVE_CHAPTER_SEC": "10"}
    with running_airflow(folder, settings) as airflow:
        yield airflow
        assert ours(engine, airflow.working_dir) == []


@pytest.fixture(scope="module")
def watched(airflow: RunningAirflow, engine: Any, footage: Path) -> Watched:
    """One match from the drop to its folder, watched at the engine."""
    seen, end = Watched(airflow), threading.Event()
    shutil.copyfile(footage, airflow.nas / "cup final.mp4")
    (airflow.nas / "cup final.mp4").chmod(0o666)  # so that only its mount keeps a step from writing to it
    (airflow.nas / "playlist.mp4").write_text(PLAYLIST)
    (airflow.nas / "other.txt").write_text("no business of a step")
    watcher = threading.Thread(target=watch, args=(seen, engine, end))
    watcher.start()
    try:
        run = wait_for("the run", lambda: next(iter(airflow.api.runs("process_match")), None))
        seen.run_id, seen.match_id = run["dag_run_id"], run["conf"]["match_id"]
        assert airflow.finish(seen.run_id)["state"] == "success"
    finally:
        end.set()
        watcher.join()
    return seen


def ours(engine: Any, working_dir: Path, **labels: str) -> list[dict[str, Any]]:
    deployment = deployment_of(Settings.from_env({"WORKING_DIR": str(working_dir)}))
    wanted = [f"touchline.deployment={deployment}", *(f"touchline.{key}={value}" for key, value in labels.items())]
    return list(engine.containers(all=True, filters={"label": wanted}))


def watch(seen: Watched, engine: Any, end: threading.Event) -> None:
    working_dir = seen.airflow.working_dir
    while not end.wait(0.1):
        found = [container for container in ours(engine, working_dir) if container["State"] == "running"]
        seen.steps |= {container["Labels"]["touchline.task_id"] for container in found}
        chunks = [container for container in found if container["Labels"]["touchline.task_id"] == "spot_chunk"]
        seen.most_chunks = max(seen.most_chunks, len(chunks))
        if chunks and not seen.inside:
            seen.chunk = engine.inspect_container(chunks[0]["Id"])
            seen.inside = look_inside(engine, seen.chunk, seen.airflow)


def look_inside(engine: Any, container: dict[str, Any], airflow: RunningAirflow) -> dict[str, Any]:
    names = f"RECORDING = {str(airflow.nas / 'cup final.mp4')!r}\nWORK = {str(airflow.working_dir)!r}\n"
    call = engine.exec_create(container["Id"], ["python3", "-c", names + LOOK_AROUND])["Id"]
    said = engine.exec_start(call).decode()
    assert engine.exec_inspect(call)["ExitCode"] == 0, said
    return dict(json.loads(said))


def test_every_step_ran_in_a_container_of_its_own(watched: Watched) -> None:
    # The quickest steps may come and go between two looks.
    assert watched.steps >= {"check_recording", "spot_chunk", "render_reel"}
    assert watched.steps <= {"check_recording", *(step.name for step in STEPS)}
    assert 1 <= watched.most_chunks <= 2  # the pool's slots


def test_the_engine_says_that_a_chunks_container_is_shut_in(watched: Watched) -> None:
    host, config = watched.chunk["HostConfig"], watched.chunk["Config"]
    assert host["NetworkMode"] == "none"
    assert host["CapDrop"] == ["ALL"] and not host["CapAdd"] and host["Privileged"] is False
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert host["ReadonlyRootfs"] is True
    assert "/tmp" in host["Tmpfs"] and all("noexec" in options for options in host["Tmpfs"].values())
    assert host["Memory"] == host["MemorySwap"] == DeploymentSettings.container_memory_mib << 20
    assert host["PidsLimit"] == DeploymentSettings.container_pids
    assert host["IpcMode"] == "private" and not host["PidMode"] and host["UTSMode"] == ""
    assert not host["Devices"] and not host["VolumesFrom"] and not host["Binds"]
    assert config["User"] not in ("", "root", "0") and not config["User"].startswith("0:")
    assert config["Labels"]["touchline.match_id"] == watched.match_id


def test_a_chunk_sees_its_recording_and_the_folders_of_its_match(watched: Watched) -> None:
    airflow, match_id = watched.airflow, watched.match_id
    mounts = {mount["Destination"]: mount["RW"] for mount in watched.chunk["Mounts"]}
    assert mounts == {
        str(airflow.nas / "cup final.mp4"): False,
        str(airflow.working_dir / "matches" / match_id): True,
        str(airflow.working_dir / "matches" / f"{match_id}.request.json"): False,
        str(airflow.processes.scratch_dir / "matches" / match_id): True,
        str(airflow.processes.scratch_dir / "gpu-leases"): True,
    }
    assert "docker.sock" not in json.dumps(watched.chunk["Mounts"])
    secrets = json.dumps(watched.chunk["Config"]["Env"])
    assert "AIRFLOW" not in secrets and "CATALOGUE" not in secrets


def test_from_inside_there_is_no_way_out(watched: Watched) -> None:
    inside = watched.inside
    assert inside["uid"] != 0
    assert int(inside["capabilities"], 16) == 0
    assert inside["no_new_privileges"] == "1"
    assert inside["interfaces"] == ["lo"]
    assert inside["connect"] == "Network is unreachable"
    assert inside["write_root"] == "Read-only file system"
    assert inside["write_recording"] == "Read-only file system"
    assert inside["beside_recording"] == ["cup final.mp4"]
    assert inside["work"] == ["matches"]
    assert inside["socket"] == []
    files = {path for path in inside["writable"] if not path.startswith(("/proc", "/dev", "/sys"))}
    airflow = watched.airflow
    assert files == {"/tmp", str(airflow.processes.scratch_dir), *(str(path) for path in (
        airflow.working_dir / "matches" / watched.match_id,
        airflow.processes.scratch_dir / "matches" / watched.match_id, airflow.processes.scratch_dir / "gpu-leases"))}


def test_the_same_match_as_a_process_makes_the_same_files(watched: Watched, footage: Path, tmp_path: Path) -> None:
    recording = tmp_path / "nas" / "cup final.mp4"
    recording.parent.mkdir()
    shutil.copyfile(footage, recording)
    folders = {"WORKING_DIR": str(tmp_path / "work"), "SCRATCH_DIR": str(tmp_path / "scratch")}
    environ = {**os.environ, **SETTINGS, **folders}
    subprocess.run([TOUCHLINE, "process", recording, "--output", tmp_path / "out"], env=environ, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ours, theirs = watched.airflow.folder(watched.match_id).root, tmp_path / "out" / watched.match_id
    assert (ours / "actions.json").read_bytes() == (theirs / "actions.json").read_bytes()
    reels = sorted(path.name for path in (theirs / "reels").glob("*.mp4"))
    assert reels, "a match without clips would show nothing"
    for name in reels:
        assert frames(ours / "reels" / name) == frames(theirs / "reels" / name)


def test_a_crafted_recording_is_refused_in_its_container(watched: Watched) -> None:
    airflow = watched.airflow
    row = wait_for("the verdict", lambda: next(
        (row for row in [recordings.find(airflow.catalogue, str(airflow.nas / "playlist.mp4"))]
         if row and row.status == "bad"), None), 120)
    assert "\n" not in (row.reason or "") and "playlist.mp4" in (row.reason or "")


def test_no_container_is_left_and_the_match_is_published_once(watched: Watched, engine: Any) -> None:
    airflow = watched.airflow
    assert ours(engine, airflow.working_dir, match_id=watched.match_id) == []
    assert [run["status"] for run in runs.of_match(airflow.catalogue, watched.match_id)] == ["published"]
    assert not (airflow.processes.scratch_dir / "matches" / watched.match_id).exists()


@pytest.mark.verify
def test_a_recording_that_still_grows_is_looked_at_in_containers(airflow: RunningAirflow, footage: Path) -> None:
    path = airflow.nas / "live" / "training.ts"
    path.parent.mkdir()
    (path.parent / "match.toml").write_text("live = true\n")
    ffmpeg("-i", footage, "-c", "copy", "-f", "mpegts", path)
    match_id = str(growing_match_id(path))
    wait_for("its provisional match", lambda: (match := matches.find(airflow.catalogue, match_id))
             and match.status == "published", 300)
    shown = json.loads((airflow.folder(match_id).root / "match.json").read_text())
    assert [one["file"] for one in shown["recordings"]] == ["training live 0001.mkv"]
    assert shown["duration_ms"] >= 10_000


def test_a_chunk_that_is_marked_failed_loses_its_container_at_once(watched: Watched, engine: Any) -> None:
    airflow = watched.airflow
    conf = {"recording": str(airflow.nas / "cup final.mp4"), "force": True}
    run_id = airflow.api.trigger("process_match", conf)["dag_run_id"]
    [container] = wait_for("a chunk at work", lambda: [
        one for one in ours(engine, airflow.working_dir, run_id=run_id, task_id="spot_chunk")
        if one["State"] == "running"][:1])
    index = int(container["Labels"]["touchline.map_index"])
    airflow.api.request("PATCH", f"/dags/process_match/dagRuns/{run_id}/taskInstances/spot_chunk/{index}",
                      {"new_state": "failed"})
    started = time.monotonic()
    wait_for("the end of its container", lambda: container["Id"] not in [
        one["Id"] for one in ours(engine, airflow.working_dir)], 30)
    print(f"the container was gone {time.monotonic() - started:.1f} s after the mark")
    assert airflow.finish(run_id)["state"] == "failed"
    assert ours(engine, airflow.working_dir, run_id=run_id) == []
