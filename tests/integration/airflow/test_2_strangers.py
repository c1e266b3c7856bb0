"""Who has no password, or asks under a foreign name (DNS rebinding), gets nothing from the embedded Airflow."""

from __future__ import annotations

import http.client
import json

import pytest

from support.running_airflow import RunningAirflow
from touchline_airflow.access.login import USER, login_file, password_of
from touchline_airflow.access.rest import AirflowApi, ApiError

EVERYWHERE = ("/", "/api/v2/monitor/health", "/api/v2/dags", "/auth/login", "/auth/token", "/execution/health",
              "/ui/config", "/static/index.html", "/docs", "/openapi.json")


def ask(airflow: RunningAirflow, path: str, host: str, method: str = "GET", body: str | None = None) -> tuple[int, str]:
    """Status and text of an answer to a request with this Host header."""
    connection = http.client.HTTPConnection("127.0.0.1", airflow.processes.api_port, timeout=30)
    connection.request(method, path, body=body, headers={"Host": host, "Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace")


@pytest.mark.parametrize("path", EVERYWHERE)
def test_a_foreign_name_is_refused_wherever_it_asks(airflow: RunningAirflow, path: str) -> None:
    for host in ("evil.example", f"evil.example:{airflow.processes.api_port}"):
        assert ask(airflow, path, host) == (400, "Invalid host header")
    assert ask(airflow, path, f"localhost:{airflow.processes.api_port}")[0] != 400


def test_the_right_password_under_a_foreign_name_is_refused(airflow: RunningAirflow) -> None:
    login = json.dumps({"username": USER, "password": password_of(airflow.processes.state)})
    assert ask(airflow, "/auth/token", "evil.example", "POST", login) == (400, "Invalid host header")
    assert ask(airflow, "/auth/token", "localhost", "POST", login)[0] == 201


@pytest.mark.parametrize("password", ["admin", "wrong"])
def test_no_other_password_lets_in(airflow: RunningAirflow, password: str) -> None:
    with pytest.raises(ApiError) as refused:
        AirflowApi(airflow.processes.api_url, USER, password).dags()
    assert refused.value.status == 401


def test_tasks_log_in_with_the_password_and_no_log_shows_it(airflow: RunningAirflow) -> None:
    state, password = airflow.processes.state, password_of(airflow.processes.state)
    run_id = str(airflow.api.trigger("tidy", {})["dag_run_id"])
    assert airflow.api.wait_for_run("tidy", run_id, 120)["state"] == "success"
    assert login_file(state).stat().st_mode & 0o077 == 0
    logs = [path for path in state.rglob("*.log*") if path.is_file()]
    assert logs and not [path for path in logs if password in path.read_text(errors="replace")]
