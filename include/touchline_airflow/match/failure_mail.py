"""What do we say about a run that failed? One mail, with the reason in one line."""

from __future__ import annotations

from collections.abc import Sequence

from touchline.catalogue import matches
from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow.books.leases import PROCESS_MATCH
from touchline_airflow.mail import links
from touchline_airflow.mail.letter import Letter, Line, Section
from touchline_airflow.mail.send import send_mail, was_mailed

ROLE = "operator"
AGAIN_AFTER_SEC = 900
"""A run that fails, is cleared and fails again after this time is mailed again; a task that closes it twice is not."""
RUNBOOK = "docs/runbooks/failed-match.md"


def tell_failed_match(match_id: str | None, run_id: str, reason: str, settings: Settings) -> str:
    """Mail that a run of `process_match` failed; returns what became of the mail."""
    name = title_of(match_id, settings) if match_id else run_id
    sections = [Section("Where", lines=(
        *([Line("Match", match_id)] if match_id else []),
        Line("Run", run_id, links.run_page(PROCESS_MATCH, run_id)),
        *([Line("Reason at the NAS", str(settings.nas_output_path / match_id / "FAILED.txt"))] if match_id else []))),
        Section("What to do", words=(
            "If the line says that the recording is bad or incomplete, copy it again: it is taken by itself.",
            "For anything else put right what the line says, open the run's page, and clear the failed task with what "
            "lies downstream: finished work is checked and reused.", f"More: {RUNBOOK}."))]
    return send_mail(Letter("failure", ROLE, key(PROCESS_MATCH, run_id), f"Failed: {name}", reason, tuple(sections)),
                     fold_sec=AGAIN_AFTER_SEC)


def tell_failed_run(dag_id: str, run_id: str, failed: Sequence[str]) -> str | None:
    """Mail that a run failed, unless that was done. All failed runs of any DAG but `process_match` are one alarm."""
    if dag_id == PROCESS_MATCH and was_mailed(ROLE, key(dag_id, run_id)):
        return None
    lead = f"{', '.join(failed)} failed." if failed else "The run was ended before it was done."
    sections = (Section("Where", lines=(Line("Run", run_id, links.run_page(dag_id, run_id)),)),
                Section("What to do", words=(
                    "The last line of the failed task's log is the reason; the DAG's own page says what it means "
                    "(If it fails).",)))
    return send_mail(Letter("failure", ROLE, key(dag_id, run_id), f"Failed: {dag_id}", lead, sections))


def key(dag_id: str, run_id: str) -> str:
    """The key by which a failed run is mailed once. The ingest runs again and again: its failures are one alarm."""
    return f"failed {dag_id} {run_id}" if dag_id == PROCESS_MATCH else f"failed {dag_id}"


def title_of(match_id: str, settings: Settings) -> str:
    """The match's title, or its id where it has none (yet)."""
    try:
        match = matches.find(settings.catalogue_address, match_id)
    except TouchlineError:
        return match_id
    return (match.title if match else None) or match_id
