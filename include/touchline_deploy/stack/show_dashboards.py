"""How do dashboards come up beside an embedded Airflow, and down again? `make dashboards`, `make dashboards-down`.

Only the services of docker/compose.dashboards.yaml: they take the metrics that `make demo` sends to 127.0.0.1:8125.
The full stack has them already (COMPOSE_PROFILES in .env).
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from touchline_airflow.access.state_folder import DEMO
from touchline_deploy.live_line import LiveLine
from touchline_deploy.stack.stack import (
    DASHBOARDS,
    Compose,
    check_engine,
    check_ports,
    pull_images,
    start,
    wait_until_healthy,
    where_dashboards,
)
from touchline_deploy.stack.stack_files import StackError, new_env, provide_secrets

FOLDER = DEMO / "dashboards"
CHANGEABLE = ("GRAFANA_PORT", "PROMETHEUS_PORT", "ALERTMANAGER_PORT", "STATSD_PORT", "MAIL_OPERATOR", "ALERT_SMARTHOST",
              "ALERT_FROM", "ALERT_USER")
"""What of .env.example the environment may say otherwise."""


def main() -> int:
    """`up` or `down`; errors are one line."""
    parser = argparse.ArgumentParser(description="Metrics, alerts and dashboards beside an embedded Airflow.")
    parser.add_argument("action", choices=("up", "down"))
    line = LiveLine()
    try:
        check_engine()
        compose = provide()
        (up if parser.parse_args().action == "up" else down)(compose, line)
    except StackError as error:
        line.say(f"dashboards: {error}")
        return 1
    except KeyboardInterrupt:
        line.say("dashboards: interrupted; `make dashboards` waits again, `make dashboards-down` ends them")
        return 130
    return 0


def provide() -> Compose:
    """What the services need of this machine, made again each time but for the passwords."""
    env_file = FOLDER / "env"
    FOLDER.mkdir(parents=True, exist_ok=True)
    env = new_env(env_file, COMPOSE_PROJECT_NAME="touchline-dashboards", COMPOSE_PROFILES="dashboards",
                  SECRETS_DIR=str(FOLDER / "secrets"), BIND_ADDRESS="127.0.0.1",
                  **{name: os.environ[name] for name in CHANGEABLE if name in os.environ})
    provide_secrets(env, ("grafana_password", "smtp_password"))
    return Compose(env_file, env, [DASHBOARDS])


def up(compose: Compose, line: LiveLine) -> None:
    """Pull what is missing, start, wait until all is healthy, say where it is."""
    started = time.monotonic()
    check_ports(compose)
    pull_images(compose.names)
    start(compose, line)
    wait_until_healthy(compose, line)
    line.say(f"The dashboards are up after {time.monotonic() - started:.0f} s:")
    for text in where_dashboards(compose.env):
        line.say(text)


def down(compose: Compose, line: LiveLine) -> None:
    """End them; what was measured goes with them."""
    with line.waiting(lambda: "ending the dashboards"):
        compose.run("down", "--volumes")
    line.say("the dashboards are down; what was measured went with them")


if __name__ == "__main__":
    sys.exit(main())
