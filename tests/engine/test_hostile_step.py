"""A step whose decoder was taken over: whatever it leaves in its folders, nothing of others is mounted or changed.

The image is the worker's with `python3 -c` in the place of `touchline`, so that a test says what the hostile step does.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from touchline.catalogue import matches, runs
from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles
from touchline.domain.step_table import STEPS
from touchline.errors import INFRASTRUCTURE, DamagedResultError, Failure, UntrustedFileError
from touchline.results.request import save_request
from touchline.results.result import digest_of, read_result
from touchline.results.thumbnails import read_thumbnail
from touchline.settings import Settings
from touchline_airflow.capacity.disk_space import used_bytes
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.match.close_match import close_run, is_published
from touchline_airflow.match.request import request_of
from touchline_airflow.recovery.content import opened_results, published_folders
from touchline_airflow.runtime.container import StepContainer
from touchline_airflow.runtime.container_spec import Place, container_spec
from touchline_airflow.runtime.mounts import match_mounts
from touchline_airflow.runtime.process import Finished
from touchline_airflow.upkeep import tidy

MATCH, OTHER, RUN = "cup-final-0123456789ab", "league-0123456789cd", "match__cup-final-0123456789ab__1"
USER = DeploymentSettings.from_env({}).user
SOCKET = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")

HOSTILE = """
import json, os
work, scratch, request, victim, socket = {work!r}, {scratch!r}, {request!r}, {victim!r}, {socket!r}
def attempt(act, *arguments):
    try:
        act(*arguments)
    except OSError as error:
        print("refused:", error.strerror)
def put(path, content):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        json.dump(content, file)
asked = dict(match_id={match!r}, recordings=["/root", "/", socket, victim + "/secret"], fingerprints=["x"] * 4,
             reels=["highlights"])
attempt(put, request, asked)
attempt(os.replace, work, work + ".away")
attempt(os.remove, request)
put(work + "/request.json", asked)
for name, result in {results!r}.items():
    put(work + "/" + name, result)
for folder in filter(os.path.isdir, (work, scratch)):
    for name, target in dict(reels="/", spottings=victim, clips="/root", thumbnails=socket, recordings=victim,
                             locked="/proc/1/root", up="../..").items():
        attempt(os.symlink, target, folder + "/" + name)
    for name in ("actions.json", "published.json", ".scan.json.0123456789abcdef.part", ".scan.1.part.json",
                 "scan.stats.json", "prefetch.lock", "process.lock"):
        attempt(os.symlink, victim + "/secret", folder + "/" + name)
    attempt(os.mkfifo, folder + "/chunks.json")
    attempt(os.mkfifo, folder + "/reels.json")
    os.makedirs(folder + "/" + "/".join("d" * 500))
    attempt(os.link, work + "/probe.json", folder + "/hard.json")
print("planted")
"""
LOOK = """
import os
print("victim", os.path.exists({victim!r}), "socket", os.path.exists({socket!r}))
print("root", sorted(name for name in os.listdir("/root")) if os.access("/root", os.R_OK) else "closed")
"""


@dataclass
class Scene:
    """One match, and what belongs to others."""

    settings: Settings
    environ: dict[str, str]
    victim: Path
    image: str

    def start(self, step: str, command: list[str], image: str) -> StepContainer:
        request = request_of(MATCH, {}, self.settings)
        save_request(request, self.settings)
        return StepContainer(container_spec(Place("process_match", RUN, step, -1, 1, MATCH), image, command,
                                            match_mounts(step, request, self.settings, USER), self.environ))

    def run(self, step: str, script: str) -> Finished:
        return self.start(step, [script], self.image).follow(print)

    def fill(self, script: str) -> str:
        work = WorkFiles(self.settings.working_dir, MATCH)
        body = {"step": "probe", "inputs": {}, "result": {"recordings": [{"path": "/root", "duration_ms": "x"}]}}
        hard = {"step": "render_reel", "inputs": {}, "result": {"name": "keeper", "clips": [], "thumbnails": [
            "../../../../../../victim/secret"]}}
        results = {"probe.json": {**body, "digest": digest_of(body)},
                   "keeper.json": {**hard, "digest": digest_of(hard)}}
        return script.format(work=str(work.root), scratch=str(ScratchFiles(self.settings.scratch_dir, MATCH).root),
                             request=str(work.request), victim=str(self.victim), socket=SOCKET, match=MATCH,
                             results=results)


def snapshot(*folders: Path) -> dict[str, tuple[int, ...]]:
    """Owner, mode, size and times of everything there; a link for itself."""
    found = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return {str(path): (status.st_uid, status.st_gid, status.st_mode, status.st_size, status.st_mtime_ns,
                        status.st_ino, status.st_nlink) for path in found for status in [path.lstat()]}


@pytest.fixture
def scene(python_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Folders of ours with two matches, and a victim beside them; the victim and the other match stay as they are."""
    names = {"NAS_MOUNT_PATH": "nas", "NAS_OUTPUT_PATH": "output", "WORKING_DIR": "work", "SCRATCH_DIR": "scratch"}
    environ = {name: str(tmp_path / folder) for name, folder in names.items()} | {"USE_GPU": "false",
                                                                                 "CONTAINER_MEMORY_MIB": "512"}
    for name in names:
        Path(environ[name]).mkdir()
        monkeypatch.setenv(name, environ[name])
    settings, victim = Settings.from_env(environ), tmp_path / "victim"
    others = [victim, WorkFiles(settings.working_dir, OTHER).root, MatchFolder(settings.nas_output_path, OTHER).root]
    for folder in others:
        folder.mkdir(parents=True)
        (folder / "secret").write_text("another's")
        (folder / "secret").chmod(0o600)
    recording = settings.nas_mount_path / "cup final.mp4"
    recording.write_bytes(b"no film")
    matches.register(settings.catalogue_address, MATCH, "f" * 64, str(recording))
    runs.begin(settings.catalogue_address, RUN, MATCH)
    before, socket = snapshot(*others, recording), os.stat(SOCKET)
    yield Scene(settings, environ, victim, python_image)
    assert snapshot(*others, recording) == before
    now = os.stat(SOCKET)
    assert (now.st_uid, now.st_gid, now.st_mode) == (socket.st_uid, socket.st_gid, socket.st_mode)


def owned_by_match(scene: Scene) -> set[str]:
    settings, work = scene.settings, WorkFiles(scene.settings.working_dir, MATCH)
    scratch = ScratchFiles(settings.scratch_dir, MATCH).root
    return {str(path) for path in (work.root, work.request, scratch, settings.scratch_dir / "gpu-leases",
                                   settings.nas_mount_path / "cup final.mp4",
                                   MatchFolder(settings.nas_output_path, MATCH).root)}


@pytest.mark.parametrize("step", ["probe", "render_reel"])
def test_what_a_hostile_step_leaves_gets_nothing_mounted_and_changes_nothing(scene: Scene, step: str) -> None:
    finished = scene.run(step, scene.fill(HOSTILE))
    assert finished.exit_code == 0 and finished.stdout.splitlines()[-1] == "planted", finished
    assert finished.stdout.count("refused: Read-only file system") >= 1  # the request

    for following in (step.name for step in STEPS):
        request = request_of(MATCH, {}, scene.settings)
        assert request.recordings == (str(scene.settings.nas_mount_path / "cup final.mp4"),)
        shown = match_mounts(following, request, scene.settings, USER)
        assert {str(one.source) for one in shown} <= owned_by_match(scene)
        assert {str(one.path) for one in shown if one.writable} <= owned_by_match(scene) - set(request.recordings)
    seen = scene.run("spot_chunk", scene.fill(LOOK)).stdout.splitlines()
    assert seen[0] == "victim False socket False"
    assert seen[1] in ("root closed", "root []") or "secret" not in seen[1]


def test_the_worker_reads_and_removes_what_a_hostile_step_left_and_nothing_else(scene: Scene) -> None:
    scene.run("render_reel", scene.fill(HOSTILE))
    settings, work = scene.settings, WorkFiles(scene.settings.working_dir, MATCH)
    for path in (work.scan, work.actions, work.chunks, work.reels, work.published, work.reel("keeper")):
        with pytest.raises(DamagedResultError):
            read_result(path)
    assert not is_published(MATCH, settings)
    with pytest.raises((UntrustedFileError, OSError)):
        read_thumbnail(work, "keeper", "clip-00000001-00000002.jpg")
    kept = [name for name, _ in opened_results(settings.working_dir)]
    assert {Path(name).name for name in kept} == {f"{MATCH}.request.json", "request.json", "probe.json", "keeper.json",
                                                  "hard.json"}
    assert published_folders(settings.nas_output_path)[0] == {}
    assert used_bytes(settings.working_dir) > 0
    tidy.remove_temporary_files(MATCH, settings)
    close_run(MATCH, RUN, Failure(INFRASTRUCTURE, "it was taken over"), settings)
    assert not ScratchFiles(settings.scratch_dir, MATCH).root.exists()
    matches.take_lease(settings.catalogue_address, MATCH, "nobody", lambda _: False)
    tidy.remove_orphans(settings, print)


@pytest.mark.parametrize("name", ["", ".versions", "reels"])
def test_a_link_at_the_nas_gets_nothing_mounted(scene: Scene, name: str) -> None:
    folder = MatchFolder(scene.settings.nas_output_path, MATCH).root
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).symlink_to(scene.victim)
    request = request_of(MATCH, {}, scene.settings)
    save_request(request, scene.settings)
    if not name:
        with pytest.raises(UntrustedFileError, match="is a link"):
            match_mounts("publish", request, scene.settings, USER)
        return
    match_mounts("publish", request, scene.settings, USER)
    assert stat.S_ISLNK((folder / name).lstat().st_mode)


@pytest.mark.parametrize("what", ["recording", "folder"])
def test_a_name_that_is_exchanged_before_the_engine_looks_ends_the_step(scene: Scene, worker_image: str,
                                                                      what: str) -> None:
    """The real `touchline` of the image compares; nothing was opened then, and nothing is written."""
    place = {"recording": scene.settings.nas_mount_path / "cup final.mp4",
             "folder": WorkFiles(scene.settings.working_dir, MATCH).root}[what]
    aside = place.with_name("aside")

    container = scene.start("scan", ["scan", "--", MATCH], worker_image)
    place.rename(aside)
    place.symlink_to(scene.victim / "secret" if what == "recording" else scene.victim)
    try:
        finished = container.follow(print)
    finally:
        place.unlink()
        aside.rename(place)
    assert finished.exit_code == 1
    assert "is not the one that was there when this step was begun" in (finished.reason or ""), finished


def test_what_is_shown_is_compared_on_a_real_engine(scene: Scene) -> None:
    """Device and inode are the same on both sides of a mount: else every step would end."""
    check = ("import json, os; seen = json.loads(os.environ['TOUCHLINE_MOUNTED']);"
             "print(all(f'{s.st_dev}:{s.st_ino}' == seen[name] for name in seen for s in [os.stat(name)]), len(seen))")
    assert scene.run("spot_chunk", check).stdout == "True 5"

