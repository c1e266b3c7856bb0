"""A stand-in of the StatsD exporter, for tests only: the real one is not packaged for Debian.

It reads docker/statsd/mapping.yml and does what our rules use of the real one: patterns with `*` before regular
expressions, the first rule that matches, labels `$1`…, counters, gauges with a time to live, histograms of timers in
seconds, the action `drop`. Names without a rule are kept in `unmapped`, where the real one would invent metrics.
"""

from __future__ import annotations

import re
import socketserver
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import MetricsHandler

KINDS = {"c": "counter", "g": "gauge", "ms": "histogram"}
LABEL = re.compile(r"\$(\d+)")


@dataclass(frozen=True)
class Rule:
    """One rule of the mapping."""

    pattern: re.Pattern[str]
    content: dict[str, Any]

    @classmethod
    def of(cls, content: dict[str, Any]) -> Self:
        if content.get("match_type") == "regex":
            return cls(re.compile(content["match"]), content)
        pattern = re.escape(content["match"]).replace(r"\*", "([^.]*)")
        return cls(re.compile(f"^{pattern}$"), content)

    def labels(self, name: str) -> tuple[tuple[str, str], ...] | None:
        """Labels by their values in the name; None where the rule does not match it."""
        found = self.pattern.search(name)
        if found is None:
            return None
        return tuple((label, LABEL.sub(lambda place: found[int(place[1])], value))
                     for label, value in self.content.get("labels", {}).items())


@dataclass
class Series:
    """What was received for one metric with one set of labels."""

    value: float = 0.0
    buckets: dict[float, int] = field(default_factory=lambda: defaultdict(int))
    count: int = 0
    seen_at: float = 0.0


class Exporter:
    """Takes StatsD lines, gives what a Prometheus scrapes."""

    def __init__(self, mapping: Path) -> None:
        rules = [Rule.of(content) for content in yaml.safe_load(mapping.read_text())["mappings"]]
        self._rules = sorted(rules, key=lambda rule: rule.content.get("match_type") == "regex")
        self._series: dict[tuple[str, str], dict[tuple[tuple[str, str], ...], Series]] = defaultdict(dict)
        self._by_name = {rule.content["name"]: rule.content for rule in rules}
        self._lock = threading.Lock()
        self.unmapped: set[str] = set()

    def take(self, datagram: str) -> None:
        """All lines of one UDP packet."""
        for line in datagram.splitlines():
            name, value, kind = re.match(r"^([^:]+):([^|]+)\|(c|g|ms)", line).groups()  # type: ignore[union-attr]
            self._take(name, value, KINDS[kind])

    def collect(self) -> Iterator[Metric]:
        """For prometheus_client's registry."""
        with self._lock:
            for (name, kind), all_series in self._series.items():
                yield self._family(name, kind, all_series)

    def _take(self, name: str, value: str, kind: str) -> None:
        rule, labels = next(((rule, labels) for rule in self._rules if (labels := rule.labels(name)) is not None),
                            (None, ()))
        if rule is None:
            self.unmapped.add(name)
            return
        if rule.content.get("action") == "drop":
            return
        with self._lock:
            series = self._series[rule.content["name"], kind].setdefault(labels, Series())
            series.seen_at = time.monotonic()
            if kind == "histogram":
                self._observe(series, float(value) / 1000, rule.content["histogram_options"]["buckets"])
            elif kind == "gauge" and value[0] not in "+-":
                series.value = float(value)
            else:
                series.value += float(value)

    def _observe(self, series: Series, seconds: float, buckets: Iterable[float]) -> None:
        series.value += seconds
        series.count += 1
        for bound in buckets:
            series.buckets[bound] += seconds <= bound

    def _family(self, name: str, kind: str, all_series: dict[tuple[tuple[str, str], ...], Series]) -> Metric:
        content = self._by_name[name]
        if ttl := content.get("ttl"):
            oldest = time.monotonic() - _seconds(ttl)
            for labels in [labels for labels, series in all_series.items() if series.seen_at < oldest]:
                del all_series[labels]
        names = list(content.get("labels", {}))
        if kind == "histogram":
            histogram = HistogramMetricFamily(name, content["help"], labels=names)
            for labels, series in all_series.items():
                ends = [(str(float(bound)), count) for bound, count in series.buckets.items()]
                histogram.add_metric([value for _, value in labels], [*ends, ("+Inf", series.count)], series.value)
            return histogram
        family = (CounterMetricFamily if kind == "counter" else GaugeMetricFamily)(name, content["help"], labels=names)
        for labels, series in all_series.items():
            family.add_metric([value for _, value in labels], series.value)
        return family


class StandIn:
    """The exporter with its two doors: UDP for StatsD lines, HTTP for Prometheus."""

    def __init__(self, mapping: Path) -> None:
        self.exporter = exporter = Exporter(mapping)
        registry = CollectorRegistry()
        registry.register(exporter)  # type: ignore[arg-type]

        class Datagrams(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                exporter.take(self.request[0].decode())

        self._udp = socketserver.UDPServer(("127.0.0.1", 0), Datagrams)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), MetricsHandler.factory(registry))

    @property
    def statsd_port(self) -> int:
        return int(self._udp.server_address[1])

    @property
    def http_port(self) -> int:
        return int(self._http.server_address[1])

    def __enter__(self) -> Self:
        for server in (self._udp, self._http):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in (self._udp, self._http):
            server.shutdown()
            server.server_close()


def _seconds(duration: str) -> float:
    return float(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]
