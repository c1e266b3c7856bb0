"""The command line says in one line what was done, what is wrong, or how things are."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from touchline_airflow import cli

REPORT = {
    "done": "pause: nothing new starts",
    "hold": {"kind": "pause", "who": "anna", "why": "lunch", "since_ms": 0, "line": "held (pause) by anna: lunch"},
    "queue": {"matches": ["a-0123456789ab", "b-0123456789ab"], "longest_wait_sec": 900},
    "budgets": {"working_dir": "/work", "free_bytes": 1_500_000_000, "budget_bytes": 2_000_000_000},
    "cost": {"today": 3.2, "gpu_seconds": 60, "cpu_seconds": 7500, "currency": "EUR", "per_day_limit": 50.0,
             "per_match_limit": 0.0},
}


class Airflow:
    """As much of Airflow's API as the command uses; `answers` by method and path win."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.triggered: list[dict[str, Any]] = []
        self.state = "success"
        self.report: dict[str, Any] = REPORT

    def answer(self, method: str, path: str, content: Any) -> tuple[int, Any]:
        path, _, query = path.removeprefix("/api/v2").partition("?")
        if (given := self.answers.get(f"{method} {path}")) is not None:
            return given
        if method == "POST" and path == "/dags/ops/dagRuns":
            self.triggered.append(content["conf"])
        if path.endswith("/xcomEntries/report"):
            return 200, {"value": self.report}
        return 200, {
            "/auth/token": {"access_token": "t"},
            "/dags/ops/dagRuns": {"dag_run_id": "r1"},
            "/dags/ops/dagRuns/r1": {"state": self.state},
            "/dags/process_match": {"is_paused": False},
            "/dags/process_match/dagRuns": {"dag_runs": [
                {"dag_run_id": "by-hand" if "state=queued" in query else "match__final__1", "start_date": "2026-01-31",
                 "conf": {}}]},
            "/dags/process_match/dagRuns/match__final__1/taskInstances": {"task_instances": [
                {"task_id": "scan", "state": "success"}, {"task_id": "spot_chunk", "state": "success"},
                {"task_id": "spot_chunk", "state": "running"}, {"task_id": "spot_chunk", "state": "up_for_reschedule"},
                {"task_id": "publish", "state": None}]},
            "/dags/process_match/dagRuns/~/taskInstances": {"task_instances": []},
            "/pools": {"pools": [{"name": "gpu", "slots": 2, "running_slots": 2, "queued_slots": 0}]},
            "/monitor/health": {"scheduler": {"status": "healthy"}, "triggerer": {"status": "unhealthy"}},
        }[path]


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Airflow]:
    fake = Airflow()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, content = fake.answer(self.command, self.path, json.loads(self.rfile.read(length) or "null"))
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("TOUCHLINE_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("TOUCHLINE_PASSWORD", "secret")
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


Said = Callable[[], tuple[str, str]]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    def read() -> tuple[str, str]:
        captured = capsys.readouterr()
        return captured.out.strip(), captured.err.strip()

    return read


def test_pause_triggers_the_dag_and_says_what_was_done(airflow: Airflow, said: Said) -> None:
    assert cli.main(["pause", "--why", "lunch"]) == 0
    [conf] = airflow.triggered
    assert conf["action"] == "pause" and conf["why"] == "lunch" and conf["who"].endswith("(admin)")
    assert said() == ("pause: nothing new starts", "")


def test_status_is_a_few_lines_or_json(airflow: Airflow, said: Said) -> None:
    assert cli.main(["status"]) == 0
    text, _ = said()
    for line in ("hold     held (pause) by anna: lunch", "queue    3 matches to begin, the first for 15 min",
                 "running  match__final__1: spot_chunk 1 of 3 done, 1 running, 1 waiting", "stuck    nothing",
                 "pool     gpu: 2 of 2 slots work, 0 queued", "budgets  1.5 GB free in /work of its budget of 2 GB",
                 "cost     today 3.20 EUR of 50 a day; chunks 60 s, other steps 2.1 h"):
        assert line in text.splitlines()
    assert cli.main(["status", "--json"]) == 0
    found = json.loads(said()[0])
    assert found["hold"]["who"] == "anna" and len(found["queue"]["matches"]) == 3 and "done" not in found


@pytest.mark.parametrize(("path", "status", "line"), [
    ("POST /auth/token", 401, "Airflow does not know 'admin' with this password"),
    ("POST /dags/ops/dagRuns", 403, "may not do that"),
    ("POST /dags/ops/dagRuns", 404, "there is no DAG ops yet"),
])
def test_what_airflow_refuses_is_one_line(path: str, status: int, line: str, airflow: Airflow, said: Said) -> None:
    airflow.answers[path] = (status, {"detail": "no"})
    assert cli.main(["resume"]) == 1
    out, error = said()
    assert out == "" and error.startswith("touchline-ops: ") and line in error and "\n" not in error


def test_a_dag_that_failed_says_why(airflow: Airflow, said: Said) -> None:
    airflow.state, airflow.report = "failed", {"error": "WORKING_DIR is away"}
    assert cli.main(["halt"]) == 1
    assert said() == ("", "touchline-ops: WORKING_DIR is away")


def test_an_airflow_that_does_nothing_names_its_ill_part(airflow: Airflow, said: Said) -> None:
    airflow.state = "queued"
    assert cli.main(["halt", "--timeout", "0.1"]) == 1
    assert "triggerer of Airflow does not work" in said()[1]


def test_no_airflow_at_all_is_one_line(monkeypatch: pytest.MonkeyPatch, said: Said) -> None:
    monkeypatch.setenv("TOUCHLINE_PASSWORD", "secret")
    assert cli.main(["status", "--url", "http://127.0.0.1:9"]) == 1
    error = said()[1]
    assert "http://127.0.0.1:9 does not answer" in error and "--url" in error and "\n" not in error


def test_an_unreadable_password_file_is_one_line(said: Said) -> None:
    assert cli.main(["status", "--password-file", "/no/such/file"]) == 1
    assert said()[1].startswith("touchline-ops: --password-file /no/such/file cannot be read")
