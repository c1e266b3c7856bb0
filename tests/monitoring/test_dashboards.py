"""Are the dashboards what Grafana takes, made from the panels as they are now, and do they ask for what there is?"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from monitoring.prometheus_server import skip_without
from monitoring.promql import metric_names
from monitoring.test_alerts import rules, sent_names
from touchline_deploy.generated.dashboard_panels import BOARDS, Board
from touchline_deploy.generated.dashboards import FOLDER, as_json

ROOT = Path(__file__).resolve().parents[2]
GRAFANA = ROOT / "docker" / "grafana"
EACH_BOARD = pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)


def content(board: Board) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{board.name}.json").read_text()))


def queries(board: Board) -> list[str]:
    return [query.expr for panels in board.rows.values() for panel in panels for query in panel.queries]


@EACH_BOARD
def test_the_file_is_current(board: Board) -> None:
    assert (FOLDER / f"{board.name}.json").read_text() == as_json(board), "run `make docs`"


@EACH_BOARD
def test_grafanas_sdk_reads_the_file_and_loses_nothing(board: Board) -> None:
    register_default_plugins()
    read = Dashboard.from_json(content(board))
    assert json.loads(JSONEncoder(sort_keys=True).encode(read)) == content(board)


@EACH_BOARD
def test_all_panels_have_a_place_of_their_own_and_the_data_source_that_is_provisioned(board: Board) -> None:
    source = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    taken: set[tuple[int, int]] = set()
    for panel in content(board)["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + column, place["y"] + line) for column in range(place["w"]) for line in range(place["h"])}
        assert place["x"] + place["w"] <= 24 and not taken & cells, panel["title"]
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": source["type"], "uid": source["uid"]}
            assert panel["targets"] and len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@EACH_BOARD
def test_queries_use_only_metrics_that_are_sent_or_recorded(board: Board) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for query in queries(board):
        assert metric_names(query) <= sent_names() | recorded | {"ALERTS"}, query


def test_every_metric_of_ours_is_shown_or_watched() -> None:
    from touchline_airflow.metrics.table import TABLE

    asked = set().union(*(metric_names(query) for board in BOARDS for query in queries(board)),
                        *(metric_names(rule["expr"]) for rule in rules()))
    assert [metric.name for metric in TABLE if not any(name.startswith(metric.name) for name in asked)] == []


@pytest.mark.parametrize("addresses", [("someone@example.org", "mail:587", "user"),
                                       ("someone@example.org", "mail:25", ""), ("", "", "")],
                         ids=("with login", "without login", "nobody"))
def test_alertmanager_takes_what_start_makes_of_the_settings(addresses: tuple[str, str, str], tmp_path: Path) -> None:
    skip_without("amtool")
    whom, server, user = addresses
    (tmp_path / "alertmanager").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "alertmanager").chmod(0o755)
    made = tmp_path / "made.yml"
    subprocess.run(["sh", str(ROOT / "docker/alertmanager/start.sh")], check=True,
                   env={"PATH": f"{tmp_path}:/usr/bin:/bin", "ALERT_CONFIG": str(made), "MAIL_OPERATOR": whom,
                        "ALERT_SMARTHOST": server, "ALERT_USER": user, "ALERT_FROM": "touchline@example.org"})
    checked = subprocess.run(["amtool", "check-config", str(made)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    receiver = yaml.safe_load(made.read_text())["receivers"][0]
    assert [mail["to"] for mail in receiver.get("email_configs", [])] == ([whom] if server else [])
