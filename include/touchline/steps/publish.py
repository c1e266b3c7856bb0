"""Write the match folder and commit it by its manifest."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from touchline.domain.layout import MatchFolder, WorkFiles
from touchline.errors import DamagedResultError
from touchline.exports.match_files import (
    ACTIONS,
    MATCH,
    REPORT,
    REVIEWS,
    json_bytes,
    json_files,
    known_names,
    reel_file,
    reviews_json,
)
from touchline.exports.match_folder import NewFile, commit_files, holds_version, is_published, manifest_bytes
from touchline.progress import report
from touchline.reels.report import ReportMatch, render_report
from touchline.reels.rules import load_rules
from touchline.results.request import REELS, Request, load_request
from touchline.results.result import Outcome, read_result, reuse_or_compute
from touchline.results.reviews import load_reviews
from touchline.results.thumbnails import has_thumbnails, read_thumbnail
from touchline.settings import Settings
from touchline.steps.render_reel import is_whole

VERSION = 4


def publish(match_id: str, settings: Settings, *, force: bool = False) -> Outcome:
    """Publish `$NAS_OUTPUT_PATH/<match_id>/` from the results of all earlier steps; prints the folder.

    Publishing the same content again changes nothing in the folder.

    Raises:
        DamagedResultError: an earlier result or a reel's video is missing or damaged.
        TouchlineError: the output folder is missing, cannot be written or has too little space.
    """
    request = load_request(match_id, settings)
    work = WorkFiles(settings.working_dir, request.match_id)
    folder = MatchFolder(settings.nas_output_path, request.match_id)
    files = list(_files(request, work, folder, settings))
    manifest_sha256 = hashlib.sha256(manifest_bytes(request.match_id, files)).hexdigest()
    inputs = {"version": VERSION, "folder": str(folder.root), "manifest": manifest_sha256}

    def compute() -> dict[str, object]:
        commit = commit_files(folder, files, known_names(REELS))
        for name in commit.held_open:
            print(f"{name} is held open by a reader: it shows its new content after the next publish", file=sys.stderr)
        return {
            "folder": str(folder.root),
            "manifest": commit.manifest_sha256,
            "files": [file.name for file in files],
            "stats": {"bytes": sum(file.size_bytes for file in files), "held_open": list(commit.held_open)},
        }

    def check(result: Mapping[str, Any]) -> bool:
        return is_published(folder, result["manifest"])

    report("publish", 0.0)
    outcome = reuse_or_compute(work.published, "publish", inputs, compute, force=force, check=check)
    report("publish", 1.0)
    print(f"published: {outcome.result['folder']}")
    return outcome


def _files(request: Request, work: WorkFiles, folder: MatchFolder, settings: Settings) -> Iterator[NewFile]:
    """All files of the match folder but the manifest."""
    match_id = request.match_id
    probe = read_result(work.probe).result
    merged = read_result(work.actions).result
    reels = [read_result(work.reel(name)).result for name in request.reels]
    videos = [_video(reel, work, folder) for reel in reels]
    said = json_files(match_id, probe, merged, reels)

    if reviews := load_reviews(match_id, settings):
        said[REVIEWS] = reviews_json(match_id, reviews)

    yield from (NewFile.of(name, json_bytes(content)) for name, content in said.items())
    yield from filter(None, videos)
    actions = said[ACTIONS]
    content = ReportMatch(said[MATCH], actions["actions"], actions["candidates"], actions["sides"], actions["seen"],
                          [said[reel_file(reel["name"], "json")] for reel in reels], _thumbnails(reels, work),
                          request.is_provisional)
    yield NewFile.of(REPORT, render_report(content, load_rules()).encode())


def _video(reel: Mapping[str, Any], work: WorkFiles, folder: MatchFolder) -> NewFile | None:
    """The video of a reel that has clips.

    The retention removes the copy in WORKING_DIR of one that was published: the match folder's own is used then.
    """
    made = work.reel_video(reel["name"])
    file = NewFile(reel_file(reel["name"], "mp4"), made, reel["sha256"], reel["size_bytes"])
    if is_whole(reel, work):
        return file if reel["clips"] else None
    if reel["clips"] and not made.exists() and has_thumbnails(reel, work) and holds_version(folder, file):
        return replace(file, content=None)
    raise DamagedResultError(f"{made} is missing or damaged: run render-reel {reel['name']} again")


def _thumbnails(reels: Sequence[Mapping[str, Any]], work: WorkFiles) -> dict[tuple[str, str], bytes]:
    """JPEG by (reel, clip_id)."""
    return {
        (reel["name"], Path(name).stem): read_thumbnail(work, reel["name"], name)
        for reel in reels
        for name in reel["thumbnails"]
    }
