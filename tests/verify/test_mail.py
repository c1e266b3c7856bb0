"""What is late or has failed is mailed once, within a minute, to a real SMTP server; the summary (must-show 2).

MAIL_REPORT is a folder for the mails and the figures.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from support.footage import simulate
from support.mail_sink import MailSink, html_of, keep, text_of
from support.running_airflow import SETTINGS, RunningAirflow, running_airflow
from support.services import free_port
from support.waiting import wait_for
from touchline_airflow.access.rest import ApiError

pytestmark = pytest.mark.verify
WITHIN_SEC = 60
OPERATOR, COACH = "operator@club.invalid", "coach@club.invalid"
ENVIRON = {**SETTINGS, "INGEST_SINCE": "2099-01-01", "MATCH_LATE_FACTOR": "1", "MATCH_LATE_MIN": "0",
           "RECORDING_LATE_MIN": "0.5", "TIDY_EVERY_SEC": "10", "MAIL_OPERATOR": OPERATOR, "MAIL_COACH": COACH,
           "WORKING_DAY_BEGINS": "00:01", "TIMEZONE": "Europe/Vienna", "COST_PER_GPU_HOUR": "2",
           "COST_PER_CPU_HOUR": "0.1", "REELS_URL": "https://nas.club.invalid/reels"}


@dataclass
class Story:
    """An evening at the club: all runs by what became of them, and the mails that came."""

    airflow: RunningAirflow
    sink: MailSink
    runs: dict[str, str] = field(default_factory=dict)

    def trigger(self, what: str, recording: str, expected_sec: float, run_id: str | None = None) -> str:
        """A run of a match that is late after so many seconds."""
        conf = {"recording": recording, "expected_sec": expected_sec, "duration_ms": 26_000}
        self.runs[what] = wait_for(f"the run {what}", lambda: self._triggered(conf, run_id), 60)
        return self.runs[what]

    def _triggered(self, conf: dict[str, Any], run_id: str | None) -> str | None:
        try:
            return str(self.airflow.api.trigger("process_match", conf, run_id)["dag_run_id"])
        except ApiError as error:  # SQLite, while all DAGs of a fresh Airflow begin at once
            assert error.status >= 500, error
            return None

    def mails_of(self, run_id: str, kind: str = "") -> list[tuple[EmailMessage, float]]:
        """Mails that name a run, with the moment they came; `kind` is the first word of their subject."""
        return [(mail, moment) for mail, moment in zip(self.sink.mails, self.sink.came_at, strict=True)
                if run_id in text_of(mail) and str(mail["Subject"]).startswith(f"[touchline] {kind}")]

    def deadlines(self) -> dict[str, float]:
        """The moment at which each run is late, as Airflow has it."""
        database = self.airflow.processes.state / "airflow" / "airflow.db"
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as connection:
            rows = connection.execute("SELECT run_id, deadline_time FROM deadline JOIN dag_run "
                                      "ON dag_run.id = deadline.dagrun_id").fetchall()
        return {run_id: datetime.fromisoformat(f"{moment[:26]}+00:00").timestamp() for run_id, moment in rows}

    def pause(self, dag_id: str, is_paused: bool) -> None:
        self.airflow.api.request("PATCH", f"/dags/{dag_id}", {"is_paused": is_paused})


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """All of it happens here, one after another; the tests look at what came of it."""
    folder = tmp_path_factory.mktemp("mail")
    nas = folder / "nas"
    nas.mkdir()
    for name, seconds, seed in (("derby", 26, 3), ("stuck", 26, 4), ("waiting", 8, 5), ("night", 8, 6)):
        simulate(folder / name, seconds, seed).rename(nas / f"{name}.mp4")
    (nas / "derby.marks.csv").write_text("time,label\n00:00:12,Save\n")
    (nas / "broken.mp4").write_text("This is no film.\n" * 1000)
    with MailSink(free_port("127.0.0.1")) as sink:
        settings = {**ENVIRON, "AIRFLOW_CONN_SMTP_DEFAULT": sink.connection}
        with running_airflow(folder, settings) as airflow:
            found = Story(airflow, sink)
            _happen(found)
            _report(found)
            yield found


def _happen(story: Story) -> None:
    airflow = story.airflow
    story.trigger("done", "derby.mp4", 200)
    story.trigger("failed", "broken.mp4", 90)
    story.trigger("of the night", "night.mp4", 1, "nightly__night__1")
    wait_for("the late ingest", lambda: _late_ingest(story))
    assert airflow.finish(story.runs["done"])["state"] == "success"
    assert airflow.finish(story.runs["failed"])["state"] == "failed"
    assert airflow.finish(story.runs["of the night"])["state"] == "success"

    stuck = story.trigger("stuck", "stuck.mp4", 120)
    frozen = wait_for("a chunk at work", lambda: [pid for pid, argv in airflow.steps_running()
                                                  if "spot-chunk" in argv])
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    wait_for("the mail of the stuck run", lambda: story.mails_of(stuck))

    story.pause("process_match", True)
    waiting = story.trigger("waiting", "waiting.mp4", 15)
    wait_for("the mail of the run that waits", lambda: story.mails_of(waiting))

    airflow.api.request("PATCH", f"/dags/process_match/dagRuns/{stuck}", {"state": "failed"})
    wait_for("the failure mail of the run that was ended by hand", lambda: story.mails_of(stuck, "Failed"))
    airflow.api.trigger("morning_summary", {})
    wait_for("the summary", lambda: [mail for mail in story.sink.mails if mail["To"] == COACH])
    # All deadlines but that of the run that is still to come have passed, and what they might send has come.
    last = max(moment for run, moment in story.deadlines().items() if run in story.runs.values())
    time.sleep(max(0.0, last + 20 - time.time()))


def _late_ingest(story: Story) -> list[EmailMessage]:
    return [mail for mail in story.sink.mails if "Late: ingest_recordings" in str(mail["Subject"])]


def _report(story: Story) -> None:
    if not (place := os.environ.get("MAIL_REPORT")):
        return
    folder = Path(place)
    folder.mkdir(parents=True, exist_ok=True)
    for number, mail in enumerate(story.sink.mails):
        keep(mail, folder, f"{number:02}-{re.sub(r'[^a-z]+', '-', str(mail['Subject'])[12:].lower())[:40]}")
    late = {what: round(story.mails_of(run, "Late")[0][1] - story.deadlines()[run], 1)
            for what, run in story.runs.items() if story.mails_of(run, "Late")}
    (folder / "figures.json").write_text(json.dumps({"seconds from deadline to mail": late}, indent=1))


def said(story: Story, what: str) -> str:
    """The text of the one mail that says that a run is late, which came in time."""
    run_id = story.runs[what]
    [(mail, moment)] = story.mails_of(run_id, "Late")
    assert 0 <= moment - story.deadlines()[run_id] <= WITHIN_SEC
    assert mail["To"] == OPERATOR
    text = " ".join(text_of(mail).split())
    for heading in ("What is late", "What is normal", "What to do"):
        assert heading in text
    assert f"/dags/process_match/runs/{quote(run_id)}" in html_of(mail)
    return text


def test_a_run_stuck_in_a_mapped_task(story: Story) -> None:
    text = said(story, "stuck")
    assert re.search(r"spot_chunk \[chunk-\d{4}\]: running since ", text), text
    assert "normally takes 2 min here" in text


def test_a_run_that_has_not_begun(story: Story) -> None:
    assert "no task has begun" in said(story, "waiting")


def test_a_run_stuck_in_a_deferred_sensor(story: Story) -> None:
    mails = _late_ingest(story)
    named = [re.search(r"Run: (\S+)", text_of(mail)) for mail in mails]
    ids = [found[1] for found in named if found]
    assert len(ids) == len(mails) == len(set(ids)) >= 1, "one mail for each run of the ingest that was late"
    assert "wait_for_recording: deferred since " in text_of(mails[0])
    came = next(moment for mail, moment in zip(story.sink.mails, story.sink.came_at, strict=True) if mail is mails[0])
    deadlines = story.deadlines()
    if ids[0] in deadlines:  # Airflow forgets the deadline of a run that has ended well
        assert 0 <= came - deadlines[ids[0]] <= WITHIN_SEC


@pytest.mark.parametrize("what", ["done", "of the night"])
def test_no_mail_for_a_run_that_is_done_in_time_or_made_by_the_night(story: Story, what: str) -> None:
    assert story.mails_of(story.runs[what], "Late") == story.mails_of(story.runs[what], "Failed") == []


def test_what_the_night_makes_has_no_deadline(story: Story) -> None:
    """Nor has a backfill run: tests/dags/test_deadlines_in_airflow.py."""
    assert story.runs["of the night"] not in story.deadlines()


@pytest.mark.parametrize(("what", "reason"), [("failed", "broken.mp4"), ("stuck", "by hand while spot_chunk")])
def test_a_failed_run_is_told_once_with_its_reason(story: Story, what: str, reason: str) -> None:
    [(mail, _)] = story.mails_of(story.runs[what], "Failed")
    assert reason in " ".join(text_of(mail).split())
    assert len(story.mails_of(story.runs["failed"], "Late")) == 0


def test_the_summary_says_what_happened(story: Story) -> None:
    # The first came when Airflow began, about the morning before.
    operator = [mail for mail in story.sink.mails if "summary" in str(mail["Subject"]) and mail["To"] == OPERATOR][-1]
    text = " ".join(text_of(operator).split())
    for words in ("2 matches done, 2 failed", "GPU hours", "Cost: ", "EUR", "NAS_OUTPUT_PATH: ", "WORKING_DIR: ",
                  "https://nas.club.invalid/reels/", "highlights"):
        assert words in text, words
    assert [part for part in operator.walk() if part.get_content_type() == "image/jpeg"]


def test_the_coach_gets_the_reels(story: Story) -> None:
    [mail] = [mail for mail in story.sink.mails if mail["To"] == COACH]
    assert "Disks" not in text_of(mail) and "highlights" in text_of(mail)


def test_nothing_of_it_ended_in_an_error(story: Story) -> None:
    answer: dict[str, Any] = story.airflow.api.request("GET", "/dags/morning_summary/dagRuns?limit=5")
    assert {run["state"] for run in answer["dag_runs"]} == {"success"}
