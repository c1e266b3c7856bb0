"""Which Celery workers answer?"""

from __future__ import annotations

from collections.abc import Iterable

from touchline_airflow.metrics.table import WORKER_UP

ANSWER_SEC = 5.0
_BROKER = {"socket_timeout": ANSWER_SEC, "socket_connect_timeout": ANSWER_SEC, "max_retries": 1}
"""A broker that is away is noticed at once, not after a hundred tries."""


class Workers:
    """Celery's workers by name: `light@main`, `chunks@gpu1`.

    Each machine is expected to have a light one. One that answered once is expected from then on: it is gone when it
    no longer answers, until the sampler starts again.
    """

    def __init__(self, broker_url: str, hosts: Iterable[str]) -> None:
        from celery import Celery

        self._celery = Celery(broker=broker_url, set_as_current=False)
        self._celery.conf.broker_transport_options = _BROKER
        self._expected = {f"light@{host}" for host in hosts}

    def sample(self) -> None:
        """Ask all at once; when the broker is away none answers."""
        answering: set[str] = set()
        try:
            for reply in self._celery.control.ping(timeout=ANSWER_SEC):
                answering |= set(reply)
        finally:
            self._expected |= answering
            for name in self._expected:
                kind, _, host = name.partition("@")
                WORKER_UP.set(int(name in answering), host=host, worker=kind)
