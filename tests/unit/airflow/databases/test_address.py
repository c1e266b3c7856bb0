"""Airflow's database is found, also inside a task, and its password goes nowhere."""

from __future__ import annotations

from dataclasses import fields

import pytest

from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow.databases.address import metadata_url
from touchline_airflow.runtime.choice import PASSED_ON, step_environment

URL = "postgresql+psycopg2://airflow:secret@db/airflow"
HIDDEN = {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "airflow-db-not-allowed:///"}


@pytest.mark.parametrize("environ", [
    {"TOUCHLINE_METADATA_URL": URL, **HIDDEN},
    {"TOUCHLINE_METADATA_URL": URL, "TOUCHLINE_METADATA_URL_CMD": "echo other"},
    {"TOUCHLINE_METADATA_URL_CMD": f"echo {URL}", **HIDDEN},
    {"TOUCHLINE_METADATA_URL": "  ", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": URL},
    {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD": f"echo {URL}"},
])
def test_the_address_is_found(environ: dict[str, str]) -> None:
    assert metadata_url(environ) == URL


@pytest.mark.parametrize(("environ", "named"), [
    ({}, "TOUCHLINE_METADATA_URL"),
    (HIDDEN, "TOUCHLINE_METADATA_URL"),
    ({"TOUCHLINE_METADATA_URL_CMD": f"cat /none/{URL}"}, "TOUCHLINE_METADATA_URL_CMD"),
    ({"TOUCHLINE_METADATA_URL_CMD": "true"}, "TOUCHLINE_METADATA_URL_CMD"),
    ({"TOUCHLINE_METADATA_URL_CMD": "echo 'secret"}, "TOUCHLINE_METADATA_URL_CMD"),
])
def test_what_is_missing_is_one_line_without_a_password(environ: dict[str, str], named: str) -> None:
    with pytest.raises(TouchlineError) as caught:
        metadata_url(environ)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)


def test_no_step_sees_it() -> None:
    passed_on = {*PASSED_ON, *(item.name.upper() for item in fields(Settings))}
    environ = dict.fromkeys(("TOUCHLINE_METADATA_URL", "TOUCHLINE_METADATA_URL_CMD"), URL)
    assert step_environment(environ) == {"PYTHONUNBUFFERED": "1"}
    assert not passed_on & set(environ)


def test_the_revisions_of_airflows_tables_are_known() -> None:
    from touchline_airflow.recovery.airflow_tables import _migrations, is_current, is_known

    assert [is_current(revision) for revision in _migrations()].count(True) == 1
    assert all(map(is_known, _migrations())) and not is_known("f" * 12) and not is_current("f" * 12)
