"""Deadlines come back from what Airflow stores, and never keep a run from being created."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from touchline_airflow.late.deadlines import CALLBACK, Due
from touchline_airflow.late.due import RULES
from touchline_airflow.summary.schedule import each_morning


class FakeSession:
    """Answers one query with one run, or not at all."""

    def __init__(self, row: tuple[Any, Any] | None) -> None:
        self.row = row

    def execute(self, _query: Any) -> Any:
        return SimpleNamespace(one=self._one)

    def _one(self) -> tuple[Any, Any]:
        if self.row is None:
            raise LookupError("no such run")
        return self.row


def evaluated(rule: str, row: tuple[Any, Any] | None) -> datetime | None:
    """As Airflow asks when it creates a run."""
    return Due(rule)._evaluate_with(session=FakeSession(row), dag_id=rule, run_id="match__1")  # type: ignore[arg-type]


@pytest.mark.parametrize("dag_id", sorted(RULES))
def test_a_dag_that_can_be_late_says_so_in_the_triggerer(dags: dict[str, Any], dag_id: str) -> None:
    [alert] = dags[dag_id].deadline
    assert (alert.reference, alert.callback.path) == (Due(dag_id), CALLBACK)
    assert type(alert.callback).__name__ == "AsyncCallback"


def test_the_reference_comes_back_from_what_airflow_stores() -> None:
    from airflow.serialization.decoders import decode_deadline_reference
    from airflow.serialization.encoders import encode_deadline_reference

    for rule in RULES:
        assert decode_deadline_reference(encode_deadline_reference(Due(rule))).inner_ref == Due(rule)


def test_a_run_of_a_match_is_late_by_its_conf() -> None:
    found = evaluated("process_match", ({"expected_sec": 7200}, "manual"))
    assert found
    assert 6 * 3600 - 60 < (found - datetime.now(UTC)).total_seconds() < 6 * 3600 + 60
    assert evaluated("process_match", (None, "manual")) is not None


def test_a_backfill_run_has_no_deadline() -> None:
    assert evaluated("nightly_backfill", ({}, "backfill")) is None


@pytest.mark.parametrize("setting", ["TIMEZONE", "BACKFILL_DONE_BY", "MATCH_LATE_FACTOR"])
def test_a_wrong_setting_costs_the_deadline_and_not_the_run(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv(setting, "soon")
    assert evaluated("nightly_backfill", ({}, "scheduled")) is None


def test_a_run_that_cannot_be_read_has_no_deadline() -> None:
    assert evaluated("process_match", None) is None


@pytest.mark.parametrize(("environ", "wanted"), [
    ({}, ("0 7 * * *", "UTC")), ({"SUMMARY_AT": "06:30", "TIMEZONE": "Europe/Vienna"}, ("30 6 * * *", "Europe/Vienna")),
    ({"SUMMARY_AT": "soon", "TIMEZONE": "Europe/Vienna"}, ("0 7 * * *", "UTC"))])
def test_the_summary_comes_in_the_morning_where_the_people_are(environ: dict[str, str],
                                                               wanted: tuple[str, str]) -> None:
    found = each_morning(environ)
    assert (found.expression, str(getattr(found.timezone, "name", found.timezone))) == wanted
