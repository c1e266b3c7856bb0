"""What a missed deadline leads to: a mail that says what is late, a failure mail, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, insert

from touchline.catalogue import matches
from touchline.settings import Settings
from touchline_airflow.hold.hold import set_hold
from touchline_airflow.late import late_mail
from touchline_airflow.late.late_mail import Missed, tell_late
from touchline_airflow.late.run_state import _RUNS, _TASKS
from touchline_airflow.mail.letter import Letter
from touchline_airflow.match import failure_mail

MATCH, RUN = "cup-final-0123456789ab", "match__cup-final-0123456789ab__1"
BEGUN = datetime(2026, 1, 31, 20, 0, tzinfo=UTC)
MISSED = Missed("process_match", RUN, {"match_id": MATCH, "duration_ms": 5_400_000, "expected_sec": 1800},
                datetime(2026, 1, 31, 21, 30, tzinfo=UTC))
MakeRun = Callable[..., None]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, own_settings: Settings) -> list[Letter]:
    """The letters that would go out; nothing was mailed before."""
    found: list[Letter] = []
    for module in (late_mail, failure_mail):
        monkeypatch.setattr(module, "send_mail", lambda letter, **_: found.append(letter) or "sent")
    monkeypatch.setenv("WORKING_DIR", str(own_settings.working_dir))
    monkeypatch.setenv("TIMEZONE", "Europe/Vienna")
    matches.register(own_settings.catalogue_address, MATCH, "f" * 64, "/nas/Cup final.mp4")
    matches.update(own_settings.catalogue_address, MATCH, title="Reds - Blues")
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def make_run(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeRun:
    """Writes a run and its tasks into a database like Airflow's."""
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'airflow.db'}" if is_sqlite else request.getfixturevalue("new_database")()
    monkeypatch.setenv("TOUCHLINE_METADATA_URL", url)
    engine = create_engine(url)
    for one in (_RUNS, _TASKS):
        columns = ", ".join(f'"{column.name}" {column.type.compile(engine.dialect)}' for column in one.columns)
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE TABLE {one.name} ({columns})")

    def make(state: str, tasks: dict[tuple[str, int], str], begun: bool = True) -> None:
        with engine.begin() as connection:
            connection.execute(insert(_RUNS).values(dag_id="process_match", run_id=RUN, state=state, queued_at=BEGUN,
                                                    start_date=BEGUN if begun else None))
            for number, ((name, index), how) in enumerate(tasks.items()):
                since = BEGUN + timedelta(minutes=number)
                connection.execute(insert(_TASKS).values(
                    dag_id="process_match", run_id=RUN, task_id=name, map_index=index, state=how, start_date=since,
                    rendered_map_index=f"chunk-{index:04}" if index >= 0 else None, queued_dttm=since, end_date=since,
                    scheduled_dttm=since))

    return make


def test_a_run_stuck_in_a_mapped_task_is_told_in_full(sent: list[Letter], make_run: MakeRun) -> None:
    make_run("running", {("scan", -1): "success", ("spot_chunk", 4): "scheduled", ("spot_chunk", 3): "running"})
    assert tell_late(MISSED) == "sent"
    [letter] = sent
    assert (letter.kind, letter.role, letter.subject) == ("deadline", "operator", "Late: Reds - Blues")
    assert letter.lead == ("Reds - Blues should have been done by Sat 31 Jan, 22:30 CET and is not: it is at "
                           "spot_chunk [chunk-0003] (running).")
    text = letter.as_text()
    for words in ("spot_chunk [chunk-0003]: running since Sat 31 Jan, 21:02 CET", "spot_chunk [chunk-0004]: scheduled",
                  "normally takes 30 min here", f"/dags/process_match/runs/{RUN}", "docs/runbooks/gpu-trouble.md"):
        assert words in " ".join(text.split()), words
    assert "success" not in text


@pytest.mark.parametrize(("due", "said"), [
    (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "Sun 25 Oct, 02:30 CEST"),
    (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "Sun 25 Oct, 02:30 CET"),
    (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "Sun 29 Mar, 03:30 CEST")])
def test_a_time_that_the_clock_shows_twice_says_which_of_both(sent: list[Letter], make_run: MakeRun, due: datetime,
                                                             said: str) -> None:
    make_run("running", {("scan", -1): "running"})
    tell_late(replace(MISSED, due=due))
    assert f"should have been done by {said} and is not" in sent[0].lead


@pytest.mark.parametrize("state", sorted(late_mail.TO_DO))
def test_there_is_something_to_do_for_every_state(sent: list[Letter], make_run: MakeRun, state: str) -> None:
    make_run("running", {("open_match", -1): state})
    tell_late(MISSED)
    assert late_mail.TO_DO[state] in sent[0].sections[-1].words


def test_runs_that_have_not_begun_are_one_alarm(sent: list[Letter], make_run: MakeRun) -> None:
    make_run("queued", {("open_match", -1): "none"}, begun=False)
    tell_late(MISSED)
    assert "no task has begun" in sent[0].lead
    assert sent[0].key == "late process_match waiting"
    assert late_mail.NOT_BEGUN in sent[0].sections[-1].words


@pytest.mark.parametrize("state", ["success", None], ids=["done", "deleted"])
def test_nothing_is_told_of_a_run_that_is_done_or_gone(sent: list[Letter], make_run: MakeRun,
                                                       state: str | None) -> None:
    if state:
        make_run(state, {})
    assert tell_late(MISSED) is None
    assert sent == []


def test_a_failed_run_gets_its_failure_mail_unless_it_had_one(sent: list[Letter], make_run: MakeRun,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    make_run("failed", {("scan", -1): "failed"})
    tell_late(MISSED)
    assert [(letter.kind, letter.lead) for letter in sent] == [("failure", "scan failed.")]
    monkeypatch.setattr(failure_mail, "was_mailed", lambda role, key: (role, key) == ("operator", sent[0].key))
    assert tell_late(MISSED) is None
    assert len(sent) == 1


def test_failures_of_the_ingest_are_one_alarm(sent: list[Letter]) -> None:
    for number in range(2):
        assert failure_mail.tell_failed_run("ingest_recordings", f"run-{number}", ["wait_for_recording"]) == "sent"
    assert len({letter.key for letter in sent}) == 1


def test_a_hold_is_the_first_thing_to_do(sent: list[Letter], make_run: MakeRun, own_settings: Settings) -> None:
    make_run("running", {("spot_chunk", 0): "up_for_reschedule"})
    set_hold(own_settings.working_dir, "pause", "anna", "the GPU is needed elsewhere")
    tell_late(MISSED)
    assert "held (pause) by anna" in sent[0].sections[-1].words[0]


def test_where_airflows_database_is_away_it_is_told_all_the_same(sent: list[Letter], monkeypatch: pytest.MonkeyPatch,
                                                                 tmp_path: Path) -> None:
    monkeypatch.setenv("TOUCHLINE_METADATA_URL", f"sqlite:///{tmp_path / 'no' / 'such.db'}")
    assert tell_late(MISSED) == "sent"
    assert "cannot be read" in sent[0].as_text()


def test_a_failure_mail_is_the_reason_in_one_line(sent: list[Letter], own_settings: Settings) -> None:
    reason = "the recording is bad: copy it again"
    failure_mail.tell_failed_match(MATCH, RUN, reason, own_settings)
    [letter] = sent
    assert (letter.subject, letter.lead) == ("Failed: Reds - Blues", reason)
    assert f"/dags/process_match/runs/{RUN}" in letter.as_html()
    assert "docs/runbooks/failed-match.md" in letter.as_text()


@pytest.mark.parametrize("conf", [{}, {"match_id": None, "recording": "x.mp4"}, {"match_id": 5}])
def test_a_run_that_somebody_started_by_hand_has_a_name_too(sent: list[Letter], make_run: MakeRun,
                                                            conf: dict[str, Any]) -> None:
    make_run("running", {})
    tell_late(Missed("process_match", RUN, conf, BEGUN))
    assert sent[0].subject == f"Late: {conf.get('recording') or RUN}"
