"""Which files are made from code, and are they current?

`make docs` writes them; a test compares them: the pages of the settings, the command line, the DAGs and the metrics,
what is measured of the accuracy, and the mapping of the StatsD exporter.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import Field, fields
from pathlib import Path

import yaml

from touchline import cli
from touchline.known_models import DEFAULT_DETECTORS, SHIPPED_MODELS, known_models
from touchline.settings import Settings
from touchline_airflow import cli as ops_cli
from touchline_airflow.brought_settings import IN_THEIR_PLACE
from touchline_airflow.checkout import ROOT
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.metrics.airflow_metrics import AIRFLOW
from touchline_airflow.metrics.mapping import mapping
from touchline_airflow.metrics.metric import Metric
from touchline_airflow.metrics.table import TABLE
from touchline_deploy.generated.accuracy import PAGE as ACCURACY
from touchline_deploy.generated.accuracy import accuracy_page

HEADING = "<!-- Made by `make docs`; changes by hand are lost. -->\n\n"


def main() -> int:
    """Write every file."""
    for name, render in PAGES.items():
        path = ROOT / name
        text = render()
        changed = not path.exists() or path.read_text() != text
        if changed:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        print(f"{name}: {'written' if changed else 'current'}")
    return 0


# --- docs/configuration.md ------------------------------------------------------------------------------------------

def configuration_page() -> str:
    """Every setting with its default, what is allowed and what it does."""
    lines = [HEADING + "# Settings", "",
             "Settings are environment variables. An empty variable counts as unset. A value that cannot be used",
             "stops the command with exit code 2 and a line that names the variable.", "",
             "| variable | default | allowed | what it does |", "|---|---|---|---|"]
    lines += [_setting_row(item) for item in fields(Settings)]
    lines += ["", "## The Airflow side", "",
              "`DOCKER_HOST`, `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` name the engine, as for `docker` itself.", "",
              "| variable | default | allowed | what it does |", "|---|---|---|---|"]
    lines += [_setting_row(item) for item in fields(DeploymentSettings)]
    lines += ["", "## Of other pipelines", "",
              "An `.env` that was made for another pipeline may be kept. `make stack` says in one line each what has",
              "no effect, and which name is close to one of ours.", "", "| variable | in its place |", "|---|---|"]
    lines += [f"| `{name}` | {instead} |" for name, instead in IN_THEIR_PLACE.items()]
    return "\n".join(lines) + "\n"


def _setting_row(item: Field) -> str:
    return f"| `{item.name.upper()}` | {_default(item)} | {_allowed(item)} | {item.metadata['description']} |"


def _default(item: Field) -> str:
    default = item.default
    if item.metadata["known_model"]:
        fetched = "".join(f"`{name}`, else " for name in DEFAULT_DETECTORS[:-1])
        return f"{fetched}the shipped `{DEFAULT_DETECTORS[-1]}`"
    if isinstance(default, Path) and default.is_relative_to(SHIPPED_MODELS):
        return f"the shipped `{default.relative_to(SHIPPED_MODELS)}`"
    return "empty" if default in ("", None) else f"`{default}`"


def _allowed(item: Field) -> str:
    if item.metadata["choices"]:
        return ", ".join(f"`{choice}`" for choice in item.metadata["choices"])
    if item.metadata["low"] is not None:
        return f"{item.metadata['low']} to {item.metadata['high']}"
    if item.metadata["known_model"]:
        return "an absolute path, " + ", ".join(f"`{name}`" for name in known_models())
    return "an absolute path" if item.default is None or isinstance(item.default, Path) else "text"


# --- docs/cli.md ----------------------------------------------------------------------------------------------------

def command_page() -> str:
    """Every command with its purpose and its arguments."""
    lines = [HEADING + "# The command line", "",
             "`touchline COMMAND …` runs one step and ends. Exit codes: 0 done · 1 failed, worth a retry ·",
             "2 the request is wrong · 3 the recording is bad, no retry helps · 4 the storage is full, read-only",
             "or away, worth a retry. `touchline-ops COMMAND …` is for a person: hold and go, backups, upgrades."]
    for parser in (*_commands(cli.build_parser()), *_commands(ops_cli.build_parser())):
        lines += ["", f"## `{parser.prog}`", "", parser.description or "", "", "```", _usage(parser), "```", ""]
        lines += [row for action in parser._actions if (row := _argument_row(action, parser.prog))]
    return "\n".join(lines) + "\n"


def _commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The commands of a command line in their order, also those below a command."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield parser
    for group in groups:
        for command in group.choices.values():
            yield from _commands(command)


def _usage(parser: argparse.ArgumentParser) -> str:
    formatter = argparse.HelpFormatter(parser.prog, width=110)
    formatter.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups, prefix="")
    return formatter.format_help().strip()


def _argument_row(action: argparse.Action, prog: str) -> str:
    if isinstance(action, argparse._HelpAction):
        return ""
    name = ", ".join(action.option_strings) or str(action.metavar or action.dest)
    values = vars(action) | {"prog": prog}
    return f"- `{name}`" + (f": {action.help % values}" if action.help else "")


# --- docs/dags.md ---------------------------------------------------------------------------------------------------

READ_DAGS = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(sys.argv[1])
if bag.import_errors:
    sys.exit("a DAG cannot be read: " + repr(bag.import_errors))
dags = [{"id": dag.dag_id, "doc": dag.doc_md or "", "tags": sorted(dag.tags), "tasks": [
    {"id": task.task_id, "pool": task.pool, "retries": task.retries} for task in dag.topological_sort()]}
    for dag in sorted(bag.dags.values(), key=lambda dag: dag.dag_id)]
print("\\n" + json.dumps(dags))
"""


def dags_page() -> str:
    """Every DAG with its own `doc_md` (headings of level 3), its tasks, pools and retries."""
    lines = [HEADING + "# The DAGs", ""]
    for dag in read_dags():
        lines += [f"## `{dag['id']}`", "", f"Tags: {', '.join(dag['tags'])}", "",
                  str(dag["doc"]).strip(), "", "| task | pool | retries |", "|---|---|---|"]
        lines += [f"| `{task['id']}` | `{task['pool']}` | {task['retries']} |" for task in dag["tasks"]]
        lines += [""]
    return "\n".join(lines).rstrip() + "\n"


def read_dags() -> list[dict]:
    """Parse dags/ in a process of its own, with a throw-away Airflow home."""
    import json

    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, "AIRFLOW_HOME": home, "PYTHONPATH": str(ROOT / "include"),
                   "AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
                   "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins")}
        argv = [str(ROOT / ".venv" / "bin" / "python"), "-c", READ_DAGS, str(ROOT / "dags")]
        done = subprocess.run(argv, env=environ, cwd=home, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"dags/ cannot be read: {done.stderr.strip()[-2000:]}")
    return list(json.loads(done.stdout.strip().splitlines()[-1]))


# --- docs/metrics.md and docker/statsd/mapping.yml -------------------------------------------------------------------

def metrics_page() -> str:
    """Every metric of ours as Prometheus has it."""
    lines = [HEADING + "# The metrics", "",
             "Sent by UDP where Airflow sends its own (`[metrics] statsd_on`, `statsd_host`, `statsd_port`); nobody",
             "has to listen. On the wire: `touchline.<metric>.<label>…:<value>`, labels as slugs in the order below.",
             "The StatsD exporter turns that into what stands here, by `docker/statsd/mapping.yml`; both are made from",
             "`include/touchline_airflow/metrics/table.py`. A gauge is gone five minutes after it was last sent.", "",
             "| metric | type | unit | labels | meaning |", "|---|---|---|---|---|"]
    lines += map(_metric_row, TABLE)
    lines += ["", "## Those of Airflow that we keep", "",
              "Patterns of the wire; each `*` is a label. All others are dropped by the exporter.", "",
              "| sent as | metric | type | unit | labels | meaning |", "|---|---|---|---|---|---|"]
    lines += (f"| `{pattern}` {_metric_row(metric)}" for pattern, metric in AIRFLOW.items())
    return "\n".join(lines) + "\n"


def _metric_row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "none"
    return f"| `{metric.name}` | {type(metric).__name__.lower()} | {metric.unit} | {labels} | {metric.meaning} |"


def mapping_file() -> str:
    """How the StatsD exporter turns names into metrics with labels."""
    return "# Made by `make docs`; changes by hand are lost.\n" + yaml.safe_dump(mapping(), sort_keys=False, width=120)


PAGES: dict[str, Callable[[], str]] = {
    "docs/configuration.md": configuration_page, "docs/cli.md": command_page, "docs/dags.md": dags_page,
    "docs/metrics.md": metrics_page, ACCURACY: accuracy_page, "docker/statsd/mapping.yml": mapping_file}


if __name__ == "__main__":
    sys.exit(main())
