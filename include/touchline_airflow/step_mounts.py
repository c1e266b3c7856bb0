"""Which files of the host does the container of a step see? The ones that it needs, under their own paths."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from docker.types import Mount

from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles, gpu_leases
from touchline.errors import TouchlineError
from touchline.settings import SHIPPED_MODELS, Settings
from touchline.steps.request import load_request
from touchline.steps.sidecar import find_sidecars

READS_RECORDINGS = frozenset({"probe", "scan", "spot_chunk", "render_reel"})
USES_SCRATCH = frozenset({"spot_chunk", "render_reel"})


def match_mounts(step: str, match_id: str, settings: Settings, user: str) -> list[Mount]:
    """Mounts of a step of a match; its folders are made, and given to `user` ("uid:gid") where we are root.

    The catalogue, other matches and the rest of the NAS are never among them.

    Raises:
        TouchlineError: a recording or a model is not there (exit code 1).
        DamagedResultError: the match has no request.
    """
    mounts = [_folder(WorkFiles(settings.working_dir, match_id).root, user)]
    if step in READS_RECORDINGS:
        recordings = [Path(path) for path in load_request(match_id, settings).recordings]
        mounts += [read_only(path) for path in recordings]
        if step == "probe":
            mounts += [read_only(path) for path in find_sidecars(recordings[0]).values()]
    if step in USES_SCRATCH:
        mounts.append(_folder(ScratchFiles(settings.scratch_dir, match_id).root, user))
    if step == "spot_chunk":
        mounts += [_folder(gpu_leases(settings.scratch_dir), user), *_models(settings)]
    if step == "publish":
        mounts.append(_match_folder(MatchFolder(settings.nas_output_path, match_id), user))
    return mounts


def read_only(path: Path) -> Mount:
    """The host's file or folder, under the same path.

    Raises:
        TouchlineError: it is not there.
    """
    if not path.exists():
        raise TouchlineError(f"{path} is not there: is its mount away? It is tried again")
    return Mount(target=str(path), source=str(path.resolve()), type="bind", read_only=True)


def _folder(path: Path, user: str) -> Mount:
    path.mkdir(parents=True, exist_ok=True)
    _give(path, user)
    return Mount(target=str(path), source=str(path.resolve()), type="bind")


def _match_folder(folder: MatchFolder, user: str) -> Mount:
    if not folder.output_dir.is_dir():
        raise TouchlineError(f"NAS_OUTPUT_PATH={folder.output_dir} is no folder: mount or create it")
    return _folder(folder.root, user)


def _models(settings: Settings) -> Iterator[Mount]:
    """Models of the operator's own; the shipped ones are in the image."""
    for path in (settings.yolo_model_path, settings.action_model_path):
        if not path.is_relative_to(SHIPPED_MODELS):
            yield read_only(path)


def _give(folder: Path, user: str) -> None:
    """Hand over what lies there; only root can, and everybody else's containers run as themselves."""
    if os.getuid() != 0:
        return
    uid, gid = (int(part) for part in user.split(":"))
    for parent, _, names in os.walk(folder):
        for path in (parent, *(os.path.join(parent, name) for name in names)):
            os.chown(path, uid, gid, follow_symlinks=False)
