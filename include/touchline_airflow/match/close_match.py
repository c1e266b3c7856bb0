"""How did the run end? Writes it to catalogue and folder; the work behind the last task of `process_match`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from touchline.catalogue import actions, matches, publications, reels, runs
from touchline.catalogue.failures import columns_of
from touchline.domain.layout import MatchFolder, ScratchFiles, WorkFiles
from touchline.errors import INFRASTRUCTURE, DamagedResultError, Failure, TouchlineError, UntrustedFileError
from touchline.exports.match_files import ACTIONS, actions_json, json_bytes, reel_file
from touchline.exports.match_folder import opened_folder, read_manifest
from touchline.results.files import remove_tree
from touchline.results.request import load_request
from touchline.results.result import read_result, reading_result
from touchline.settings import Settings
from touchline_airflow.books.expected import conditions
from touchline_airflow.books.failure_note import remove_failure, write_failure
from touchline_airflow.books.noted import headline, noted_actions, noted_reels
from touchline_airflow.match.failure_mail import tell_failed_match
from touchline_airflow.metrics.run_ended import run_ended

FAILED_STATES = ("failed", "upstream_failed")


def close_match(match_id: str, run_id: str, states: Mapping[str, str | None], settings: Settings) -> Failure | None:
    """Close a run whose other tasks have all ended; see `close_run`.

    `states` holds the state of every other task instance of the run ("spot_chunk_2": "failed"). A task that was marked
    success by hand has made nothing, so a match counts as published only when its folder holds the results.

    Raises:
        TouchlineError: the output folder is away, so nobody can tell.
    """
    failure = first_failure(states, runs.stages(settings.catalogue_address, run_id))
    if failure is None and not is_published(match_id, settings):
        failure = Failure(
            INFRASTRUCTURE, "all tasks ended well, but the match folder does not hold the results: clear publish")
    return close_run(match_id, run_id, failure, settings)


def close_run(match_id: str, run_id: str, failure: Failure | None, settings: Settings) -> Failure | None:
    """Write status, results and times, give the lease back, empty scratch; a failure is mailed.

    `failure` is why the match was not published, None when it was. Returns it as the catalogue has it. What becomes of
    a provisional match is neither counted nor mailed: with the next chapter it is tried again, with the clips that are
    there.
    """
    address = settings.catalogue_address
    files, folder = WorkFiles(settings.working_dir, match_id), MatchFolder(settings.nas_output_path, match_id)
    if failure is None:
        names = load_request(match_id, settings).reels
        actions.replace(address, match_id, noted_actions(files))
        reels.replace(address, match_id, noted_reels(files, names))
        remove_failure(folder)
    else:
        failure = _tell_in_folder(folder, failure)
    matches.update(address, match_id, status="failed" if failure else "published", prefetched_on=None,
                   **columns_of(failure), **headline(files))
    runs.end(address, run_id, failure)
    match = matches.find(address, match_id)
    is_provisional = match is not None and match.is_provisional
    is_news = not is_provisional and (
        runs.count_failure(address, run_id) if failure else _is_new_result(folder, run_id, settings))
    if not is_provisional:  # its clips serve when the next chapter is there
        remove_tree(ScratchFiles(settings.scratch_dir, match_id).root)
    matches.release_lease(address, match_id, run_id)
    run_ended(match_id, run_id, failure, settings, is_news=is_news)
    if failure and not is_provisional:
        tell_failed_match(match_id, run_id, failure.reason, settings)
    return failure


def first_failure(states: Mapping[str, str | None], stages: list[runs.StageTime]) -> Failure | None:
    """Why the first step that failed did so, from the catalogue; a step that was killed left no reason."""
    failed = sorted(name for name, state in states.items() if state == "failed")
    if not failed and not any(state in FAILED_STATES for state in states.values()):
        return None
    for stage in stages:
        if stage.failure and any(name == stage.stage or name.startswith(f"{stage.stage}_") for name in failed):
            return stage.failure
    return Failure(INFRASTRUCTURE, f"{', '.join(failed) or 'a task'} failed: read the task's log in Airflow")


def is_published(match_id: str, settings: Settings) -> bool:
    """Whether the match folder was committed from the actions and reels that the results hold now.

    That the files are as the manifest says was the check of `publish`; they are not read again.

    Raises:
        TouchlineError: the output folder is away.
    """
    files = WorkFiles(settings.working_dir, match_id)
    try:
        with opened_folder(MatchFolder(settings.nas_output_path, match_id)) as folder:
            manifest, listed = read_manifest(folder, match_id)
        noted_actions(files)
        with reading_result(files.actions) as found:
            told = json_bytes(actions_json(match_id, found))
        made = noted_reels(files, load_request(match_id, settings).reels)
        published = read_result(files.published).result.get("manifest")
    except (FileNotFoundError, NotADirectoryError, UntrustedFileError, DamagedResultError):
        return False
    wanted = {reel_file(reel["name"], "mp4"): reel["sha256"] for reel in made}
    wanted[ACTIONS] = hashlib.sha256(told).hexdigest()
    return manifest == published and all(
        listed.get(name, {}).get("sha256") == sha256 for name, sha256 in wanted.items())


def _is_new_result(published: MatchFolder, run_id: str, settings: Settings) -> bool:
    """Whether the match was never published with this result before: what was cleared or made again is counted once."""
    with opened_folder(published) as folder:
        manifest, _ = read_manifest(folder, published.match_id)
    return publications.add(settings.catalogue_address, published.match_id, manifest, run_id, conditions(settings))


def _tell_in_folder(folder: MatchFolder, failure: Failure) -> Failure:
    """A folder that cannot be written must not keep the match open: then the reason says so as well."""
    try:
        write_failure(folder, failure.reason)
    except (OSError, TouchlineError) as error:
        return Failure(failure.cause, f"{failure.reason} ({folder.failure} could not be written: {error})")
    return failure
