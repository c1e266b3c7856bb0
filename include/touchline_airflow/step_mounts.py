"""Which files of the host does the container of a step see? The ones that it needs, under their own paths."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from docker.types import Mount

from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles, gpu_leases
from touchline.errors import StorageError
from touchline.settings import SHIPPED_MODELS, Settings
from touchline.steps.request import load_request
from touchline.steps.sidecar import find_sidecars
from touchline.storage import storage_error

READS_RECORDINGS = frozenset({"probe", "scan", "spot_chunk", "render_reel"})
USES_SCRATCH = frozenset({"spot_chunk", "render_reel"})


def match_mounts(step: str, match_id: str, settings: Settings, user: str) -> list[Mount]:
    """Mounts of a step of a match; its folders are made, and given to `user` ("uid:gid") where we are root.

    The catalogue, other matches and the rest of the NAS are never among them.

    Raises:
        StorageError: a recording, a model or the output folder is not there, or a folder cannot be made.
        DamagedResultError: the match has no request.
    """
    return list(_mounts(step, match_id, settings, user))


def _mounts(step: str, match_id: str, settings: Settings, user: str) -> Iterator[Mount]:
    yield _folder(WorkFiles(settings.working_dir, match_id).root, user)
    if step in READS_RECORDINGS:
        request = load_request(match_id, settings)
        recordings = [Path(path) for path in request.recordings]
        for path, digest in zip(recordings, request.fingerprints, strict=True):
            yield from _recording(path, ScratchFiles(settings.scratch_dir, match_id).recording(digest), user)
        if step == "probe":
            yield from map(read_only, find_sidecars(recordings[0]).values())
    if step in USES_SCRATCH:
        yield _folder(ScratchFiles(settings.scratch_dir, match_id).root, user)
    if step == "spot_chunk":
        yield _folder(gpu_leases(settings.scratch_dir), user)
        yield from _models(settings)
    if step == "publish":
        yield _match_folder(MatchFolder(settings.nas_output_path, match_id), user)


def read_only(path: Path) -> Mount:
    """The host's file or folder, under the same path.

    Raises:
        StorageError: it is not there.
    """
    if not path.exists():
        raise storage_error(errno.ENOENT, path, writes=False)
    return Mount(target=str(path), source=str(path.resolve()), type="bind", read_only=True)


def _recording(path: Path, copy: Path, user: str) -> Iterator[Mount]:
    """The copy on this host where there is one, and the recording; beside a copy it may be away."""
    if not copy.exists():
        yield read_only(path)
        return
    _give(copy.parent, user)
    yield read_only(copy)
    with contextlib.suppress(OSError, StorageError):
        yield read_only(path)


def _folder(path: Path, user: str) -> Mount:
    path.mkdir(parents=True, exist_ok=True)
    _give(path, user)
    return Mount(target=str(path), source=str(path.resolve()), type="bind")


def _match_folder(folder: MatchFolder, user: str) -> Mount:
    if not folder.output_dir.is_dir():
        raise storage_error(errno.ENOENT, folder.output_dir, writes=True)
    return _folder(folder.root, user)


def _models(settings: Settings) -> Iterator[Mount]:
    """Models of the operator's own; the shipped ones are in the image."""
    for path in (settings.yolo_model_path, settings.action_model_path):
        if not path.is_relative_to(SHIPPED_MODELS):
            yield read_only(path)


def _give(folder: Path, user: str) -> None:
    """Hand over what lies there; only root can, and everybody else's containers run as themselves.

    A NAS may refuse that (root_squash) and let the user write all the same: the step finds out.
    """
    if os.getuid() != 0:
        return
    uid, gid = (int(part) for part in user.split(":"))
    for parent, _, names in os.walk(folder):
        for path in (parent, *(os.path.join(parent, name) for name in names)):
            with contextlib.suppress(PermissionError, FileNotFoundError):
                os.chown(path, uid, gid, follow_symlinks=False)
