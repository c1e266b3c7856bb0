"""Airflow's own database and objects: which runs get a deadline, and what happens when one is missed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.mail_sink import MailSink, text_of
from support.services import free_port

MADE = datetime(2026, 8, 1, tzinfo=UTC)
Create = Callable[..., list[float]]


@pytest.fixture(scope="module")
def database(dags: dict[str, Any]) -> None:
    """Airflow's tables, and two of our DAGs in them."""
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils import db
    from airflow.utils.session import create_session

    db.initdb()
    with create_session() as session:
        session.merge(DagBundleModel(name="dags-folder"))
    for dag_id in ("process_match", "nightly_backfill"):
        sync_bag_to_db(DagBag(dags[dag_id].fileloc), "dags-folder", None)


@pytest.fixture
def create(database: None) -> Create:
    """Creates a run as the scheduler and the API do; returns its deadlines, in seconds from now."""
    from airflow.models import Deadline
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType
    from sqlalchemy import select

    def make(dag_id: str, run_id: str, kind: str = "manual", conf: dict[str, Any] | None = None) -> list[float]:
        moment = {"manual": None, "backfill": MADE}.get(kind, MADE + timedelta(days=1))
        with create_session() as session:
            stored = SerializedDagModel.get(dag_id, session=session)
            assert stored
            run = stored.dag.create_dagrun(
                run_id=run_id, logical_date=moment, data_interval=(moment, moment) if moment else None,
                run_after=datetime.now(UTC), conf=conf, run_type=DagRunType(kind), state=DagRunState.QUEUED,
                triggered_by=DagRunTriggeredByType.TEST, session=session)
            session.flush()
            found = session.scalars(select(Deadline).where(Deadline.dagrun_id == run.id))
            return [(one.deadline_time - datetime.now(UTC)).total_seconds() for one in found]

    return make


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MailSink]:
    """A mail server and an operator."""
    with MailSink(free_port("127.0.0.1")) as found:
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", found.connection)
        monkeypatch.setenv("MAIL_OPERATOR", "operator@club.invalid")
        monkeypatch.setenv("WORKING_DIR", str(tmp_path))
        monkeypatch.setenv("TOUCHLINE_METADATA_URL", os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
        yield found


def miss(run_id: str) -> str | None:
    """The deadline passes: the scheduler's part of it, then the triggerer's; returns what the callback gave."""
    from airflow.models import DagRun, Deadline
    from airflow.triggers.callback import CallbackTrigger
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        deadline = session.scalars(select(Deadline).join(DagRun).where(DagRun.run_id == run_id)).one()
        deadline.handle_miss(session)
        arguments = deadline.callback.trigger.kwargs

    async def run() -> list[Any]:
        return [event.payload async for event in CallbackTrigger(**arguments).run()]

    last = asyncio.run(run())[-1]
    assert last["state"] == "success", last
    return str(last["body"])


def end(run_id: str, state: str) -> None:
    """The run ends."""
    from airflow.models import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        session.execute(update(DagRun).where(DagRun.run_id == run_id).values(state=state))


def test_a_match_has_a_deadline_by_its_conf(create: Create) -> None:
    [seconds] = create("process_match", "match__a__1", conf={"recording": "a.mp4", "expected_sec": 3600})
    assert 3 * 3600 - 60 < seconds <= 3 * 3600


def test_what_a_backfill_makes_has_none(create: Create) -> None:
    assert create("process_match", "nightly__a__1", conf={"recording": "a.mp4"}) == []
    assert create("nightly_backfill", "backfill__2026-08-01", "backfill") == []


def test_a_scheduled_night_has_one_before_the_next_morning_is_over(create: Create) -> None:
    [seconds] = create("nightly_backfill", "scheduled__2026-08-01", "scheduled")
    assert 0 < seconds <= 24 * 3600


def test_a_late_run_is_one_mail(create: Create, sink: MailSink) -> None:
    create("process_match", "match__late__1", conf={"recording": "late.mp4"})
    assert miss("match__late__1") == "sent"
    [mail] = sink.mails
    assert mail["Subject"] == "[touchline] Late: late.mp4"
    assert "no task has begun" in " ".join(text_of(mail).split())


def test_a_run_that_ended_well_meanwhile_is_none(create: Create, sink: MailSink) -> None:
    create("process_match", "match__done__1", conf={"recording": "done.mp4"})
    end("match__done__1", "success")
    assert miss("match__done__1") == "the run has ended: nothing to tell"
    assert sink.mails == []


def test_a_run_that_failed_is_told_as_failed(create: Create, sink: MailSink) -> None:
    create("process_match", "match__failed__1", conf={"recording": "failed.mp4"})
    end("match__failed__1", "failed")
    assert miss("match__failed__1") == "sent"
    assert [str(mail["Subject"]) for mail in sink.mails] == ["[touchline] Failed: process_match"]
