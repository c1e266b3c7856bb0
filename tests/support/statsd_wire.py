"""What was sent to StatsD, read from a socket of the test's own; and which rules of the mapping take a name."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

SILENCE_SEC = 0.3


class Wire:
    """A UDP socket in StatsD's place."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(SILENCE_SEC)
        self.port = int(self._socket.getsockname()[1])

    @property
    def environment(self) -> dict[str, str]:
        """What Airflow and we are told."""
        return {"AIRFLOW__METRICS__STATSD_ON": "true", "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
                "AIRFLOW__METRICS__STATSD_PORT": str(self.port)}

    def lines(self) -> list[str]:
        """What comes until there is silence, or for a second: ["touchline.pipeline_jobs_total.published:1|c"]."""
        found: list[str] = []
        deadline = time.monotonic() + 1
        with contextlib.suppress(TimeoutError):
            while time.monotonic() < deadline:
                found += self._socket.recv(65_535).decode().splitlines()
        return found

    def values(self) -> dict[str, str]:
        """The same by name below `touchline.`; the last value of each."""
        return dict(line.removeprefix("touchline.").split(":", 1) for line in self.lines())

    def close(self) -> None:
        self._socket.close()


class Totals(Wire):
    """The same socket, read from its start to its end: what all that was sent adds up to."""

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, float] = {}
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def now(self, names: str) -> dict[str, float]:
        """By the names below `touchline.` that match: sums of counters, last values of gauges, seconds of timers."""
        time.sleep(SILENCE_SEC)
        return {name: round(value, 6) for name, value in sorted(self._found.items()) if re.match(names, name)}

    def close(self) -> None:
        self._ended.set()
        self._reader.join()
        super().close()

    def _read(self) -> None:
        while not self._ended.is_set():
            for line in self.lines():
                name, value, kind = re.split(r"[:|]", line.removeprefix("touchline."))[:3]
                before = 0 if kind == "g" else self._found.get(name, 0)
                self._found[name] = before + float(value)


def rules_for(name: str, rules: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """All rules that take this name; the exporter takes the first, so there should be one."""
    return [rule for rule in rules if re.fullmatch(_regex(rule), name)]


def _regex(rule: Mapping[str, Any]) -> str:
    """In a plain rule a `*` is one part between dots."""
    pattern = str(rule["match"])
    if rule.get("match_type") == "regex":
        return pattern
    return r"[^.]+".join(map(re.escape, pattern.split("*")))
