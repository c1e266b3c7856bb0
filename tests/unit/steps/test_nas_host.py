"""Where a mount is away and NAS_HOST names its server, the line says whether that answers."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from touchline.nas import probes as nas_probes
from touchline.settings import Settings
from touchline.steps.check_nas import Limits, run_checks


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Port of a server on this machine that takes SMB's place."""
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_server(("127.0.0.1", 0)) as closed:
        ports = closed.getsockname()[1], listening.getsockname()[1]
        closed.close()
        monkeypatch.setattr(nas_probes, "_SERVER_PORTS", ports)
        yield ports[1]


def mounted(settings: Settings) -> str:
    return next(run_checks(settings, Limits(0, 0, 15))).text


@pytest.fixture
def away(own_settings: Settings, tmp_path: Path) -> Settings:
    return replace(own_settings, nas_mount_path=tmp_path / "away")


def test_a_server_that_answers(away: Settings, server: int) -> None:
    assert mounted(replace(away, nas_host="127.0.0.1")).endswith(f"; NAS_HOST=127.0.0.1 answers on port {server}")


@pytest.mark.parametrize("host", ["nas.invalid", "-x", "a" * 300, "no name\u0007", "é" * 80])
def test_one_that_does_not(away: Settings, host: str) -> None:
    assert "answers neither to NFS nor to SMB: look at it and the network" in mounted(replace(away, nas_host=host))


def test_nothing_is_said_without_a_name(away: Settings) -> None:
    assert "NAS_HOST" not in mounted(away)


def test_a_healthy_mount_is_not_asked_for_its_server(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nas_probes, "open_port", lambda _: pytest.fail("asked"))
    (own_settings.nas_mount_path / "a.txt").write_text("")
    assert "NAS_HOST" not in mounted(replace(own_settings, nas_host="nas.invalid"))
