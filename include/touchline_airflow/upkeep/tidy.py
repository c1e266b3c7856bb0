"""Which runs ended without their last task, and what was left lying about? The work behind the DAG `tidy`."""

from __future__ import annotations

import math
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from touchline.beneath.folder import Folder, is_temporary, open_folder
from touchline.catalogue import matches, runs
from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles, is_match_id
from touchline.domain.run_id import ingest_run_id
from touchline.errors import STOPPED, Failure, UntrustedFileError
from touchline.results.files import remove_tree
from touchline.settings import Settings
from touchline_airflow.match.close_match import close_run, first_failure, is_published
from touchline_airflow.metrics.run_ended import run_ended
from touchline_airflow.one_by_one import one_by_one

CLOSE_MATCH = "close_match"
ABANDONED_AFTER_SEC = 600
"""What was not written to for this long has no writer: somebody may run `touchline` by hand, without a lease."""
AHEAD_SEC = 60
"""A date further in the future is that of a clock that ran ahead, not of a machine that differs a little."""


@dataclass(frozen=True)
class OpenRun:
    """A run that the catalogue takes for one that goes on; `begun` is False while its first task has not ended."""

    run_id: str
    match_id: str
    begun: bool = True


def open_runs(settings: Settings) -> list[OpenRun]:
    """Runs that have not ended as far as the catalogue knows: begun, holding a lease, or started by the ingest."""
    address = settings.catalogue_address
    found = [OpenRun(*row) for row in runs.open_runs(address)]
    found += [OpenRun(str(match.lease_holder), match.match_id) for match in matches.leased(address)]
    found += [OpenRun(ingest_run_id(match.match_id, match.attempt), match.match_id, begun=False)
              for match in matches.without_run(address)]
    return list({run.run_id: run for run in reversed(found)}.values())[::-1]


def close_ended_run(run: OpenRun, state: str | None, states: Mapping[str, str | None],
                    settings: Settings) -> Failure | None:
    """Close a run that has ended in Airflow; returns why it failed, or None when its match was published.

    `state` is the run's in Airflow (None: it was deleted), `states` those of its task instances.

    Raises:
        TouchlineError: the output folder is away, so nobody can tell.
    """
    failure: Failure | None
    if _is_taken_over(run, settings):
        failure = _why(run, state, states, settings)
        runs.end(settings.catalogue_address, run.run_id, failure)
        is_news = runs.count_failure(settings.catalogue_address, run.run_id)
        run_ended(run.match_id, run.run_id, failure, settings, is_news=is_news)
        return failure
    failure = None if is_published(run.match_id, settings) else _why(run, state, states, settings)
    remove_temporary_files(run.match_id, settings)
    return close_run(run.match_id, run.run_id, failure, settings)


def is_still_open(run: OpenRun, settings: Settings) -> bool:
    """Whether the run is still open now: it may have been closed while Airflow was asked."""
    return run in open_runs(settings)


def remove_temporary_files(match_id: str, settings: Settings, older_than_sec: float = 0) -> list[Path]:
    """Remove the temporary files of a match, those of the published folder too; returns them."""
    places = (settings.working_dir, WorkFiles(settings.working_dir, match_id).root), (
        settings.nas_output_path, MatchFolder(settings.nas_output_path, match_id).root)
    return [path for root, folder in places for path in _remove_temporary_files(root, folder, older_than_sec)]


def remove_orphans(settings: Settings, say: Callable[[str], None]) -> list[str]:
    """Remove temporary files of matches that no run holds, once nobody writes to them.

    Returns the matches for which that failed; a line says why.
    """
    def remove(match_id: str) -> None:
        for path in remove_temporary_files(match_id, settings, ABANDONED_AFTER_SEC):
            say(f"Removed {path}: nobody has written to it for {ABANDONED_AFTER_SEC} s")

    return one_by_one(sorted(_folders(settings.working_dir / "matches") - _leased(settings)), remove, say)


def remove_scratch(settings: Settings, say: Callable[[str], None]) -> list[str]:
    """Remove this machine's scratch folders of matches that no run holds, once nobody writes to them.

    Returns the matches for which that failed; a line says why.

    `close_match` empties the scratch folder of its own machine only; those of the others go at once when nothing was
    written to them since the run ended.
    """
    def remove(match_id: str) -> None:
        scratch = ScratchFiles(settings.scratch_dir, match_id).root
        if _quiet_sec(settings.scratch_dir, scratch) >= min(ABANDONED_AFTER_SEC, _ended_since_sec(match_id, settings)):
            remove_tree(scratch)
            say(f"Removed {scratch}: no run holds {match_id}")

    return one_by_one(sorted(_folders(settings.scratch_dir / "matches") - _leased(settings)), remove, say)


def _ended_since_sec(match_id: str, settings: Settings) -> float:
    """Seconds since the last run of a match ended; infinite where it has none, or one in the future.

    And of a provisional match: with the next chapter the next run comes, which takes the clips that are there.
    """
    match = matches.find(settings.catalogue_address, match_id)
    if match is not None and match.is_provisional:
        return math.inf
    ends = [row["ended_at_ms"] for row in runs.of_match(settings.catalogue_address, match_id)]
    since_sec = time.time() - max(ends) / 1000 if ends and all(ends) else math.inf
    return since_sec if since_sec >= 0 else math.inf


def _leased(settings: Settings) -> set[str]:
    return {match.match_id for match in matches.leased(settings.catalogue_address)}


def _why(run: OpenRun, state: str | None, states: Mapping[str, str | None], settings: Settings) -> Failure:
    others = {name: how for name, how in states.items() if name != CLOSE_MATCH}
    stages = runs.stages(settings.catalogue_address, run.run_id)
    if states.get(CLOSE_MATCH) == "failed" and (found := first_failure(others, stages)):
        return found  # close_match ran, but could not write it down
    return Failure(STOPPED, f"{_ending(state, states)}: clear the run, or trigger the match again")


def _ending(state: str | None, states: Mapping[str, str | None]) -> str:
    if state is None:
        return "the run was deleted in Airflow before the match was published"
    if state == "success":
        skipped = ", ".join(sorted(name for name, how in states.items() if how == "skipped"))
        return f"the run ended as success, but {f'without {skipped}' if skipped else 'published nothing'}"
    if unfinished := sorted(name for name, how in states.items() if how == "failed"):
        verb = "was" if len(unfinished) == 1 else "were"
        return f"the run was marked failed by hand while {', '.join(unfinished)} {verb} not done"
    return "the run was ended before the match was published: marked failed by hand, or over its time limit"


def _is_taken_over(run: OpenRun, settings: Settings) -> bool:
    """Another run works on the match now, or has worked on it since: the match's row is that run's."""
    match = matches.find(settings.catalogue_address, run.match_id)
    if match is None or match.lease_holder not in (None, run.run_id):
        return True
    later = [row["run_id"] for row in runs.of_match(settings.catalogue_address, run.match_id)]
    return match.lease_holder is None and run.begun and later[-1:] != [run.run_id]


def _remove_temporary_files(root: Path, place: Path, older_than_sec: float) -> Iterator[Path]:
    """Those of the names that we give, below a match's own folder."""
    with suppress(FileNotFoundError, UntrustedFileError), open_folder(root, place.relative_to(root)) as folder:
        for path, status in folder.walk():
            is_ours = is_temporary(path.name) and stat.S_ISREG(status.st_mode)
            if is_ours and _age_sec(folder, path, status) >= older_than_sec:
                folder.unlink(path)
                yield place / path


def _folders(root: Path) -> set[str]:
    """Ids of the matches that have a folder there."""
    with suppress(FileNotFoundError), open_folder(root) as folder:
        return {name for name in folder.names() if is_match_id(name) and not folder.is_file(name)}
    return set()


def _quiet_sec(root: Path, place: Path) -> float:
    """Seconds since the last write to anything in a folder."""
    with suppress(FileNotFoundError, UntrustedFileError), open_folder(root) as top:
        name = place.relative_to(root)
        with top.folder(name) as folder:
            own = _age_sec(top, name, os.fstat(folder.descriptor))
            return min((own, *(_age_sec(folder, path, status) for path, status in folder.walk())))
    return 0.0


def _age_sec(folder: Folder, path: Path, status: os.stat_result) -> float:
    """Seconds since the last write; what is dated in the future is dated now, or it would stay until then."""
    age = time.time() - status.st_mtime
    if age < -AHEAD_SEC:
        with suppress(OSError):
            folder.touch(path)
    return max(0.0, age)
