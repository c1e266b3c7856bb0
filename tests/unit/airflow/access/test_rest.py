"""The REST client: a fresh token where the old one is refused, another try where Airflow's database is busy."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from touchline_airflow.access import rest
from touchline_airflow.access.rest import AirflowApi, ApiError

BUSY = {"detail": {"reason": "Database error", "message": "Serious error when handling your request"}}


class Airflow(ThreadingHTTPServer):
    """Gives the answers that it was told, one after another, and then 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, object]] = []
        self.asked: list[str] = []
        self.slow = 0


class Handler(BaseHTTPRequestHandler):
    server: Airflow

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(self.path)
        is_login = self.path == "/auth/token"
        status, content = (201, {"access_token": "a"}) if is_login else (
            self.server.answers.pop(0) if self.server.answers else (200, {"good": True}))
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.slow:
            self.server.slow -= 1
            time.sleep(2 * rest.ANSWER_SEC)
        self.send_response(200)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(b'{"good": true}')

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    monkeypatch.setattr(rest, "BUSY_SEC", 0.0)
    with Airflow() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def api(airflow: Airflow) -> AirflowApi:
    return AirflowApi(f"http://127.0.0.1:{airflow.server_port}", "anna", "secret")


def test_a_busy_database_is_asked_again(airflow: Airflow) -> None:
    airflow.answers = [(500, BUSY), (500, BUSY)]
    assert api(airflow).request("POST", "/x", {}) == {"good": True}
    assert airflow.asked == ["/auth/token", *["/api/v2/x"] * 3]


def test_a_database_that_stays_busy_is_told(airflow: Airflow) -> None:
    airflow.answers = [(500, BUSY)] * 20
    with pytest.raises(ApiError, match=r"500.*Database error"):
        api(airflow).request("POST", "/x", {})
    assert airflow.asked.count("/api/v2/x") == rest.BUSY_TRIES


def test_a_refused_token_is_fetched_anew(airflow: Airflow) -> None:
    one = api(airflow)
    one.request("POST", "/x", {})
    airflow.asked, airflow.answers = [], [(401, {})]
    assert one.request("POST", "/x", {}) == {"good": True}
    assert airflow.asked == ["/api/v2/x", "/auth/token", "/api/v2/x"]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 500])
def test_other_errors_are_told_at_once(airflow: Airflow, status: int) -> None:
    airflow.answers = [(status, {"detail": "no"})]
    with pytest.raises(ApiError, match=str(status)):
        api(airflow).request("POST", "/x", {})
    assert airflow.asked.count("/api/v2/x") == 1


def test_what_only_reads_is_asked_again_where_no_answer_comes_in_time(
        airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "ANSWER_SEC", 0.3)
    airflow.slow = 2
    assert api(airflow).request("GET", "/x") == {"good": True}
    assert airflow.asked.count("/api/v2/x") == 3


def test_an_airflow_that_never_answers_is_told(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "ANSWER_SEC", 0.1)
    airflow.slow = 20
    with pytest.raises(TimeoutError):
        api(airflow).request("GET", "/x")
