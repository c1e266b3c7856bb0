"""Which files of the host does the container of a step see? The ones that it needs, under their own paths.

Said by the settings and by what the catalogue knows of the match, never by what an earlier step wrote. Each was opened
without following a link; `touchline.mounted` compares inside the container, because the engine goes by names again.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from touchline.beneath.folder import Folder, open_folder
from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles, gpu_leases
from touchline.domain.step_table import Need, step_named
from touchline.errors import StorageError
from touchline.exports.match_folder import opened_folder
from touchline.known_models import SHIPPED_MODELS
from touchline.mounted import identity
from touchline.results.files import is_there, opened
from touchline.results.recordings import open_recording
from touchline.results.request import Request
from touchline.settings import Settings
from touchline.sidecars.find import find_sidecars
from touchline.storage import storage_error, writing


@dataclass(frozen=True)
class Shown:
    """A file or folder of the host, `source`, that a container sees as `path`; `identity`: of what was opened."""

    path: Path
    source: Path
    identity: str
    writable: bool = False


def match_mounts(step: str, request: Request, settings: Settings, user: str) -> list[Shown]:
    """What a step of a match sees; its folders are made, and given to `user` ("uid:gid") where we are root.

    The catalogue, other matches and the rest of the NAS are never among them.

    Raises:
        StorageError: a recording, a model or the output folder is not there, or a folder cannot be made.
        UntrustedFileError: one is a link, or not a plain file.
        UsageError: a recording lies outside NAS_MOUNT_PATH.
    """
    return list(_mounts(step, request, settings, user))


def recording_mount(path: Path, settings: Settings) -> Shown:
    """A recording, or a note beside it; a link that stays inside the mount means the file that it leads to.

    Raises:
        UsageError, UntrustedFileError, StorageError: as `open_recording`.
    """
    source = path.resolve()
    with open_recording(source, settings) as handle:
        return Shown(path, source, identity(os.fstat(handle.fileno())))


def chapter_mounts(recording: Path, match_id: str, settings: Settings, user: str) -> list[Shown]:
    """What `cut-chapter` sees: the recording that grows, and the folders of its provisional match.

    Raises:
        as `match_mounts`.
    """
    return [recording_mount(recording, settings),
            _folder(settings.working_dir, WorkFiles(settings.working_dir, match_id).root, user),
            _folder(settings.scratch_dir, ScratchFiles(settings.scratch_dir, match_id).root, user)]


def _mounts(step: str, request: Request, settings: Settings, user: str) -> Iterator[Shown]:
    needs = step_named(step).needs
    work = WorkFiles(settings.working_dir, request.match_id)
    scratch = ScratchFiles(settings.scratch_dir, request.match_id)
    yield _folder(settings.working_dir, work.root, user)
    yield _file(settings.working_dir, work.request, user)
    if Need.RECORDINGS in needs and not request.is_provisional:  # its chapters lie in the match's own folder
        recordings = [Path(path) for path in request.recordings]
        for path, digest in zip(recordings, request.fingerprints, strict=True):
            yield from _recording(path, scratch.recording(digest), settings, user)
    if Need.NOTES in needs:
        notes = find_sidecars(Path(request.recordings[0]))
        yield from (recording_mount(note, settings) for note in notes.values())
    if Need.REVIEWS in needs and is_there(work.reviews):
        yield _file(settings.working_dir, work.reviews, user)
    if Need.SCRATCH in needs:
        yield _folder(settings.scratch_dir, scratch.root, user)
    if Need.MODELS in needs:
        yield _folder(settings.scratch_dir, gpu_leases(settings.scratch_dir), user)
        yield from _models(settings.yolo_model_path, settings.action_model_path)
    if Need.SPOTTER in needs:
        yield from _models(settings.spotter_model_path)
    if Need.MATCH_FOLDER in needs:
        place = MatchFolder(settings.nas_output_path, request.match_id)
        with writing(place.root), opened_folder(place, make=True) as folder:
            yield _given(folder, place.output_dir.resolve() / place.match_id, user)


def _recording(path: Path, copy: Path, settings: Settings, user: str) -> Iterator[Shown]:
    """The copy on this host where there is one, and the recording; beside a copy it may be away.

    The match's recording was noted under its own name: a link that has taken its place is refused.
    """
    has_copy = is_there(copy)
    if has_copy:
        yield _file(settings.scratch_dir, copy, user)
    with contextlib.suppress(*((StorageError,) if has_copy else ())), open_recording(path, settings) as handle:
        yield Shown(path, path, identity(os.fstat(handle.fileno())))


def _file(root: Path, path: Path, user: str) -> Shown:
    """A file of ours that the step may read and not write."""
    with opened(path) as handle:
        if os.getuid() == 0:
            with contextlib.suppress(PermissionError):  # as in `_given`
                os.fchown(handle.fileno(), *_ids(user))
        return Shown(path, root.resolve() / path.relative_to(root), identity(os.fstat(handle.fileno())))


def _folder(root: Path, path: Path, user: str) -> Shown:
    name = path.relative_to(root)
    with writing(path):
        root.mkdir(parents=True, exist_ok=True)
        with open_folder(root, name, make=True) as folder:
            return _given(folder, root.resolve() / name, user)


def _given(folder: Folder, source: Path, user: str) -> Shown:
    """Hand over what lies there; only root can, and everybody else's containers run as themselves.

    A NAS may refuse that (root_squash) and let the user write all the same: the step finds out.
    """
    if os.getuid() == 0:
        folder.give(*_ids(user))
    return Shown(folder.path, source, identity(os.fstat(folder.descriptor)), writable=True)


def _ids(user: str) -> tuple[int, int]:
    uid, gid = user.split(":")
    return int(uid), int(gid)


def _models(*paths: Path | None) -> Iterator[Shown]:
    """Models of the operator's own; those that are shipped, or that touchline knows by name, are in the image."""
    for path in paths:
        if path and not path.is_relative_to(SHIPPED_MODELS):
            if not path.exists():
                raise storage_error(errno.ENOENT, path, writes=False)
            yield Shown(path, path.resolve(), identity(path.stat()))
