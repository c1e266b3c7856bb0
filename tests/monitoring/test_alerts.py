"""Does every alert fire when it should, and only then? Asked of promtool, which evaluates the real rule files."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitoring.alert_cases import CASES, Case, Series
from monitoring.prometheus_server import skip_without
from monitoring.promql import metric_names
from touchline_airflow.metrics.airflow_metrics import AIRFLOW
from touchline_airflow.metrics.metric import Histogram
from touchline_airflow.metrics.table import TABLE

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "docker" / "prometheus"
RULE_FILES = ("recorded.yml", "alerts.yml")
QUESTIONS = ("What it means.", "Look here.", "Do this.", "When to wake somebody.")


def groups() -> list[dict[str, Any]]:
    return [group for name in RULE_FILES for group in yaml.safe_load((RULES / name).read_text())["groups"]]


def rules() -> list[dict[str, Any]]:
    return [rule for group in groups() for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def sent_names() -> set[str]:
    """All metrics by the names that PromQL knows."""
    return {metric.name + ending for metric in (*TABLE, *AIRFLOW.values())
            for ending in (("_bucket", "_count", "_sum") if isinstance(metric, Histogram) else ("",))}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    skip_without("promtool")
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)


def asked(case: Case, series: Series, *, fires: bool) -> dict[str, Any]:
    """One test of promtool: how often the alert is firing, whatever else may fire as well."""
    ours = f'alertname="{case.alert}", severity="{case.severity}", alertstate="firing"'
    wanted = {"expr": f"count(ALERTS{{{ours}}}) > bool 0", "eval_time": case.at,
              "exp_samples": [{"labels": "{}", "value": 1}] if fires else []}
    return {"name": f"{case.alert} {case.severity} {'fires' if fires else 'is silent'} with {series}",
            "interval": case.every, "promql_expr_test": [wanted],
            "input_series": [{"series": name, "values": values} for name, values in series.items()]}


@pytest.mark.parametrize(("alert", "every"), sorted({(case.alert, case.every) for case in CASES}))
def test_the_alert_fires_beyond_its_threshold_and_not_below(alert: str, every: str, tmp_path: Path) -> None:
    tests = [asked(case, series, fires=fires) for case in CASES if (case.alert, case.every) == (alert, every)
             for fires, all_series in ((True, case.fires), (False, case.silent)) for series in all_series]
    told = tmp_path / "test.yml"
    told.write_text(yaml.safe_dump({"rule_files": [str(RULES / name) for name in RULE_FILES],
                                    # promtool takes groups in any order: an alert would see what was recorded before.
                                    "group_eval_order": [group["name"] for group in groups()],
                                    "evaluation_interval": every, "tests": tests}))
    done = promtool("test", "rules", told)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_that_fires_and_one_that_is_silent() -> None:
    wanted = {(alert["alert"], alert["labels"]["severity"]) for alert in alerts()}
    assert {(case.alert, case.severity) for case in CASES if case.fires} == wanted
    assert {(case.alert, case.severity) for case in CASES if case.silent} == wanted


def test_every_alert_says_how_bad_it_is_what_it_is_and_where_to_read_on() -> None:
    for alert in alerts():
        assert alert["labels"]["severity"] in ("warning", "critical")
        assert alert["annotations"]["summary"] and alert["annotations"]["description"].endswith(".")
        assert alert["annotations"]["runbook"] == f"docs/runbooks/{alert['alert']}.md"


def test_every_alert_has_its_runbook_and_every_such_runbook_its_alert() -> None:
    named_after_alerts = {page.stem for page in (ROOT / "docs" / "runbooks").glob("[A-Z]*.md")}
    assert named_after_alerts == {alert["alert"] for alert in alerts()}


@pytest.mark.parametrize("name", sorted({alert["alert"] for alert in alerts()}))
def test_a_runbook_answers_the_four_questions(name: str) -> None:
    page = (ROOT / "docs" / "runbooks" / f"{name}.md").read_text()
    places = [page.find(f"**{heading}**") for heading in QUESTIONS]
    assert page.startswith(f"# {name}\n") and -1 not in places and places == sorted(places)


def test_rules_use_only_metrics_that_are_sent_or_recorded() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for rule in rules():
        assert metric_names(rule["expr"]) <= sent_names() | recorded | {"up"}, rule


def test_the_files_are_what_prometheus_and_alertmanager_take() -> None:
    checked = promtool("check", "config", RULES / "prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
