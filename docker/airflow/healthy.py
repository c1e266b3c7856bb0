"""Does this part of the stack work? The compose files' health checks: `healthy.py PART`, exit code 0 or 1.

PART is what Airflow's API reports on (metadatabase, scheduler, triggerer, dag_processor), `flower`, the name of a
Celery worker, or a file that the part touches at least every minute. Airflow is not imported: a check costs a tenth of
a second, not five.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from pathlib import Path

API = "http://api-server:8080/api/v2/monitor/health"
FLOWER = "http://127.0.0.1:5555/healthcheck"
BROKER = Path("/run/secrets/broker_url")
PATIENCE_SEC = 10
HEARTBEAT_SEC = 60


def is_healthy(part: str) -> bool:
    """Ask the part itself, or Airflow's API about it."""
    if part.startswith("/"):
        return time.time() - Path(part).stat().st_mtime < HEARTBEAT_SEC
    if "@" in part:
        return answers(part)
    if part == "flower":
        return fetch(FLOWER) == b"OK"
    return bool(json.loads(fetch(API))[part]["status"] == "healthy")


def answers(worker: str) -> bool:
    """Whether the Celery worker of this name takes messages."""
    from celery import Celery

    with Celery(broker=BROKER.read_text().strip()) as app:
        return bool(app.control.ping(destination=[worker], timeout=PATIENCE_SEC, limit=1))


def fetch(url: str) -> bytes:
    """The body of an answer 200."""
    with urllib.request.urlopen(url, timeout=PATIENCE_SEC) as answer:  # noqa: S310 - the addresses above
        return bytes(answer.read())


if __name__ == "__main__":
    try:
        sys.exit(0 if is_healthy(sys.argv[1]) else f"{sys.argv[1]} does not work")
    except Exception as error:  # whatever it is, it stands in `docker inspect` as the reason
        sys.exit(f"{sys.argv[1]}: {error}")
