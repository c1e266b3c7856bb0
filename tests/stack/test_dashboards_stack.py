"""Prometheus and Alertmanager as the compose file starts them: healthy, with our rules, and one tells the other.

Where their images cannot be pulled they are Debian's. The StatsD exporter and Grafana have no such stand-in and are
left out, which is what the alert ExporterGone is about.
"""

from __future__ import annotations

import contextlib
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from support.compose_stack import IMAGES, provide_stand_ins, skip_without_engine
from support.services import free_port
from support.waiting import wait_for
from touchline_deploy.stack.stack import DASHBOARDS, Compose
from touchline_deploy.stack.stack_files import new_env, provide_secrets

pytestmark = pytest.mark.verify
STAND_INS = {IMAGES["PROMETHEUS_IMAGE"]: "prometheus", IMAGES["ALERTMANAGER_IMAGE"]: "alertmanager"}
SERVICES = tuple(STAND_INS.values())


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    skip_without_engine()
    provide_stand_ins(STAND_INS)
    folder = tmp_path_factory.mktemp("dashboards")
    ports = {name: str(free_port("127.0.0.1")) for name in ("PROMETHEUS_PORT", "ALERTMANAGER_PORT")}
    env = new_env(folder / "env", COMPOSE_PROJECT_NAME="touchline-test-dashboards", SECRETS_DIR=str(folder / "secrets"),
                  MAIL_OPERATOR="somebody@example.org", ALERT_SMARTHOST="127.0.0.1:2525", **ports)
    provide_secrets(env, ("grafana_password", "smtp_password"))
    started = Compose(folder / "env", env, [DASHBOARDS])
    try:
        started.run("up", "--detach", *SERVICES)
        yield started
    finally:
        started.run("down", "--volumes")


def ask(compose: Compose, service: str, path: str) -> Any:
    with contextlib.suppress(OSError):
        url = f"http://127.0.0.1:{compose.env[f'{service.upper()}_PORT']}{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)
    return None


def test_both_are_healthy(compose: Compose) -> None:
    wait_for("health", lambda: [service.health for service in compose.services()] == ["healthy"] * len(SERVICES), 120)


def test_prometheus_has_our_rules_and_knows_alertmanager(compose: Compose) -> None:
    groups = wait_for("the rules", lambda: ask(compose, "prometheus", "/api/v1/rules"))["data"]["groups"]
    assert {group["name"] for group in groups} == {"recorded", "matches", "costs", "machines", "data"}
    assert all(rule["health"] in ("ok", "unknown") for group in groups for rule in group["rules"])
    known = wait_for("Alertmanager", lambda: ask(compose, "prometheus", "/api/v1/alertmanagers")["data"])
    assert [one["url"] for one in known["activeAlertmanagers"]] == ["http://alertmanager:9093/api/v2/alerts"]


def test_an_alert_comes_to_alertmanager_which_would_mail_it(compose: Compose) -> None:
    alerts = wait_for("an alert", lambda: [
        alert for alert in ask(compose, "alertmanager", "/api/v2/alerts") or []
        if alert["labels"]["alertname"] == "ExporterGone"], 300)
    assert alerts[0]["annotations"]["runbook"] == "docs/runbooks/ExporterGone.md"
    config = ask(compose, "alertmanager", "/api/v2/status")["config"]["original"]
    assert "to: somebody@example.org" in config and "smarthost: 127.0.0.1:2525" in config
