"""How does a script talk to Airflow's REST API? Standard library only; imports neither airflow nor touchline."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Any

FINISHED = ("success", "failed")
BUSY_TRIES = 6
BUSY_SEC = 0.5
ANSWER_SEC = 30
SLOW_TRIES = 4
"""How often something is asked of an Airflow that takes longer than ANSWER_SEC: a busy machine with two cores does."""


class ApiError(Exception):
    """Airflow answered with an error; `status` is the HTTP status, the message holds Airflow's own words."""

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        super().__init__(f"Airflow answered {status}: {detail}")

    @property
    def is_busy(self) -> bool:
        """Its database was locked and the call was taken back: in SQLite one writes at a time, the others may fail."""
        return self.status == 500 and "Database error" in str(self)


class AirflowApi:
    """A client with a name and a password; fetches its token at first use and again when it is refused."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._login = {"username": username, "password": password}
        self._token = ""

    def token(self) -> str:
        """A fresh bearer token."""
        self._token = str(self._send("POST", f"{self.url}/auth/token", self._login, "")["access_token"])
        return self._token

    def request(self, method: str, path: str, content: Any = None) -> Any:
        """One call below /api/v2; returns the decoded answer. It is sent again while Airflow's database is busy.

        What only reads is asked again where no answer comes in time: that changes nothing.

        Raises:
            ApiError: Airflow refused it.
            OSError: Airflow is not there.
        """
        url = f"{self.url}/api/v2{path}"
        is_fresh, tried = False, 0
        while True:
            tried += 1
            if not self._token:
                is_fresh = bool(self.token())
            try:
                return self._send(method, url, content, self._token)
            except ApiError as error:
                if error.status == 401 and not is_fresh:
                    self._token = ""
                elif error.is_busy and tried < BUSY_TRIES:
                    time.sleep(BUSY_SEC * tried)
                else:
                    raise
            except TimeoutError:
                if method != "GET" or tried >= SLOW_TRIES:
                    raise

    def is_healthy(self) -> bool:
        """Whether all four components of Airflow say that they work."""
        try:
            health = self._send("GET", f"{self.url}/api/v2/monitor/health", None, "")
        except (ApiError, OSError):
            return False
        return all(health[name]["status"] == "healthy" for name in
                   ("metadatabase", "scheduler", "triggerer", "dag_processor"))

    def dags(self) -> list[dict[str, Any]]:
        """All DAGs that were parsed."""
        return list(self.request("GET", "/dags?limit=100")["dags"])

    def trigger(self, dag_id: str, conf: dict[str, Any], run_id: str | None = None) -> dict[str, Any]:
        """Start a run; returns it."""
        content = {"conf": conf, "logical_date": None, **({"dag_run_id": run_id} if run_id else {})}
        return dict(self.request("POST", f"/dags/{_quoted(dag_id)}/dagRuns", content))

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """The newest hundred runs of a DAG, the newest first."""
        return list(self.request("GET", f"/dags/{_quoted(dag_id)}/dagRuns?order_by=-run_after&limit=100")["dag_runs"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """One run."""
        return dict(self.request("GET", f"/dags/{_quoted(dag_id)}/dagRuns/{_quoted(run_id)}"))

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """All task instances of a run, mapped ones each."""
        path = f"/dags/{_quoted(dag_id)}/dagRuns/{_quoted(run_id)}/taskInstances?limit=1000"
        return list(self.request("GET", path)["task_instances"])

    def clear(self, dag_id: str, run_id: str, task_ids: Sequence[str | list[Any]], *, downstream: bool = True) -> None:
        """Clear tasks of a run, so that they run again: `["merge_actions", ["spot_chunk", 2]]`."""
        self.request("POST", f"/dags/{_quoted(dag_id)}/clearTaskInstances", {
            "dry_run": False, "dag_run_id": run_id, "task_ids": list(task_ids), "only_failed": False,
            "include_downstream": downstream, "reset_dag_runs": True})

    def set_variable(self, key: str, value: str) -> None:
        """Write a Variable."""
        try:
            self.request("POST", "/variables", {"key": key, "value": value})
        except ApiError as error:
            if error.status != 409:
                raise
            self.request("PATCH", f"/variables/{_quoted(key)}", {"key": key, "value": value})

    def log(self, dag_id: str, run_id: str, task_id: str, try_number: int, map_index: int = -1) -> list[str]:
        """The lines of one task's log."""
        path = (f"/dags/{_quoted(dag_id)}/dagRuns/{_quoted(run_id)}/taskInstances/{_quoted(task_id)}"
                f"/logs/{try_number}?map_index={map_index}&full_content=true")
        content = self.request("GET", path)["content"]
        return [line if isinstance(line, str) else str(line.get("event", "")) for line in content]

    def wait_for_run(self, dag_id: str, run_id: str, timeout_sec: float, poll_sec: float = 1.0) -> dict[str, Any]:
        """Return the run when it has ended.

        Raises:
            TimeoutError: it has not ended in time.
        """
        deadline = time.monotonic() + timeout_sec
        while time.monotonic() < deadline:
            run = self.run(dag_id, run_id)
            if run["state"] in FINISHED:
                return run
            time.sleep(poll_sec)
        raise TimeoutError(f"{run_id} of {dag_id} has not ended in {timeout_sec:.0f} s")

    def _send(self, method: str, url: str, content: Any, token: str) -> Any:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(url, data=body, method=method, headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SEC) as answer:  # noqa: S310
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, error.read().decode(errors="replace")[:2000]) from None
        return json.loads(text) if text else None


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")
