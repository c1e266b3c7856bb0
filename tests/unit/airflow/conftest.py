"""A socket in StatsD's place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from statsd_wire import Wire

from touchline_airflow.metrics.metric import look_up_again


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    """Our metrics go here."""
    wire = Wire()
    for name, value in wire.environment.items():
        monkeypatch.setenv(name, value)
    look_up_again()
    yield wire
    look_up_again()
    wire.close()
