"""What does this machine sample, and how is it told to end? `python -m touchline_airflow.sampler`.

Every machine samples itself; the main one samples the deployment too. What is sampled goes where Airflow sends its
own metrics; where Airflow sends none, nothing is sampled.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow.databases.address import configured, metadata_url
from touchline_airflow.databases.connection import Database
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.hosts import hosts, this_host
from touchline_airflow.metrics.metric import look_up_again, sends
from touchline_airflow.sampler import host as machine
from touchline_airflow.sampler import postgres, queue, upkeep
from touchline_airflow.sampler.collector import Collector
from touchline_airflow.sampler.night import Pending
from touchline_airflow.sampler.workers import Workers

EVERY_SEC = 15.0
BROKER_URL = "AIRFLOW__CELERY__BROKER_URL"

log = logging.getLogger("touchline_airflow.sampler")


def main() -> int:
    """Sample until a signal comes; errors in the settings are one line."""
    parser = argparse.ArgumentParser(prog="python -m touchline_airflow.sampler", description="Sample this machine.")
    parser.add_argument("--every", type=float, default=EVERY_SEC, metavar="SEC", help="default: %(default)s")
    parser.add_argument("--heartbeat", type=Path, metavar="FILE", help="touched while the sampler works")
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s", stream=sys.stdout)
    log.setLevel(logging.INFO)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        collectors = all_collectors(os.environ) if sends() else []
    except TouchlineError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    names = ", ".join(collector.name for collector in collectors)
    log.info("Sampling %s", names or "nothing: [metrics] statsd_on is off")
    watch(collectors, ended, arguments.every, arguments.heartbeat)
    return 0


def watch(collectors: list[Collector], ended: threading.Event, every_sec: float, heartbeat: Path | None) -> None:
    """Run all collectors until `ended` is set."""
    for collector in collectors:
        collector.start(every_sec, ended)
    while True:
        for collector in collectors:
            collector.look()
        if heartbeat:
            heartbeat.touch()
        if ended.wait(every_sec):
            return
        look_up_again()


def all_collectors(environ: Mapping[str, str]) -> list[Collector]:
    """What is to be sampled on this machine.

    Raises:
        SettingError: a setting cannot be used.
    """
    host, names = this_host(environ), hosts(environ)
    settings, deployment = Settings.from_env(environ), DeploymentSettings.from_env(environ)
    if names and host != names[0]:
        return machine.collectors(host, settings)
    airflow = Database("airflow", metadata_url(environ))
    broker = configured(BROKER_URL, environ)
    workers = Workers(broker, names or (host,)).sample if broker else partial(queue.sample_scheduler, airflow, host)
    return [*machine.collectors(host, settings, deployment.backup_dir), Collector("workers", workers),
            *of_deployment(airflow, settings, deployment)]


def of_deployment(airflow: Database, settings: Settings, deployment: DeploymentSettings) -> list[Collector]:
    """What the main machine samples for all."""
    databases = [airflow, Database("catalogue", settings.catalogue_address)]
    on_server = [database for database in databases if not database.is_sqlite]
    return [
        Collector("matches", partial(queue.sample_matches, airflow, settings)),
        Collector("tasks and pools", queue.Tasks(airflow).sample),
        Collector("backups", partial(upkeep.sample_backups, settings)),
        Collector("the hold", partial(upkeep.sample_hold, settings)),
        Collector("costs", partial(upkeep.sample_costs, settings, deployment)),
        Collector("what waits for the night", Pending(settings, deployment).sample),
        *(Collector(f"PostgreSQL of {database.name}", partial(postgres.sample_server, database))
          for database in on_server[:1]),
        *(Collector(f"the database {database.name}", partial(postgres.sample_database, database))
          for database in on_server),
        *(Collector(f"slow statements of {database.name}", partial(postgres.sample_slow, database))
          for database in on_server),
    ]


if __name__ == "__main__":
    sys.exit(main())
