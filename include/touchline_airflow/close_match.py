"""How did the run end? Writes it to catalogue and folder; the work behind the last task of `process_match`."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from touchline.catalogue import actions, matches, reels, runs
from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles
from touchline.errors import DamagedResultError
from touchline.settings import Settings
from touchline.steps.request import load_request
from touchline.steps.result import read_result
from touchline_airflow.failure_note import remove_failure, write_failure

FAILED_STATES = ("failed", "upstream_failed")


def close_match(match_id: str, run_id: str, states: Mapping[str, str | None], settings: Settings) -> str | None:
    """Write status, results and times, give the lease back, empty the scratch folder.

    `states` holds the state of every other task instance of the run ("spot_chunk_2": "failed"). Returns the one-line
    reason when the match was not published, else None.
    """
    address = settings.catalogue_address
    reason = _failure(states, runs.stages(address, run_id))
    files, folder = WorkFiles(settings.working_dir, match_id), MatchFolder(settings.nas_output_path, match_id)
    if reason is None:
        _note_results(files, settings)
        remove_failure(folder)
    else:
        write_failure(folder, reason)
    matches.update(address, match_id, status="failed" if reason else "published", reason=reason, **_headline(files))
    runs.end(address, run_id, "failed" if reason else "published", reason)
    shutil.rmtree(ScratchFiles(settings.scratch_dir, match_id).root, ignore_errors=True)
    matches.release_lease(address, match_id, run_id)
    return reason


def _failure(states: Mapping[str, str | None], stages: list[runs.StageTime]) -> str | None:
    """The reason of the first step that failed, from the catalogue; a step that was killed left none."""
    failed = sorted(name for name, state in states.items() if state == "failed")
    if not failed and not any(state in FAILED_STATES for state in states.values()):
        return None
    for stage in stages:
        if not stage.done and stage.reason and any(name == stage.stage or name.startswith(f"{stage.stage}_")
                                                   for name in failed):
            return stage.reason
    return f"{', '.join(failed) or 'a task'} failed: read the task's log in Airflow"


def _note_results(files: WorkFiles, settings: Settings) -> None:
    found = read_result(files.actions).result["actions"]
    names = load_request(files.match_id, settings).reels
    made = [read_result(files.reel(name)).result for name in names]
    actions.replace(settings.catalogue_address, files.match_id, found)
    reels.replace(settings.catalogue_address, files.match_id, made)


def _headline(files: WorkFiles) -> dict[str, Any]:
    """Title and length, where the probe got that far."""
    try:
        probe = read_result(files.probe).result
    except DamagedResultError:
        return {}
    recordings = probe["recordings"]
    title = (probe.get("sidecar") or {}).get("title") or Path(recordings[0]["path"]).stem
    return {"title": title, "duration_ms": sum(recording["duration_ms"] for recording in recordings)}
