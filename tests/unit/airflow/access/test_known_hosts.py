"""Who asks for Airflow under a name that is not its own is refused, whatever the port, the path and the method."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("airflow", reason="Airflow's environment only")

from touchline.errors import SettingError
from touchline_airflow.access.known_hosts import known_hosts, only_known_hosts


@pytest.fixture(autouse=True)
def addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://reels.club.example/airflow")
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "http://api-server:8080/execution/")
    monkeypatch.setenv("ALLOWED_HOSTS", "10.0.0.5, Other.example,[fd00::1]")


def status(*hosts: str) -> int:
    """What a request with these Host headers gets; 204 from the app behind."""
    sent: list[dict[str, Any]] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", host.encode()) for host in hosts]}
    asyncio.run(only_known_hosts(app)(scope, None, send))  # type: ignore[arg-type]
    return int(sent[0]["status"])


@pytest.mark.parametrize("host", [
    "127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "reels.club.example", "reels.club.example:443",
    "api-server:8080", "api-server:18080", "10.0.0.5:8080", "other.example", "[fd00::1]:8080",
])
def test_its_own_names_are_let_in(host: str) -> None:
    assert status(host) == 204


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example:8080",
    "localhost@evil.example", "evil.example/localhost", "[::2]:8080",
    "0.0.0.0:8080", "club.example", "www.reels.club.example", "", "*",
    "localhost evil.example",
])
def test_any_other_name_is_refused(host: str) -> None:
    assert status(host) == 400


def test_no_name_is_refused() -> None:
    assert status() == 400


@pytest.mark.parametrize("value", ["*", "http://club.example", "club.example:8080", "a b"])
def test_a_setting_that_is_no_list_of_names_lets_nobody_in(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", value)
    with pytest.raises(SettingError, match="ALLOWED_HOSTS"):
        known_hosts()
