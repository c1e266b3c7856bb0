"""Where does a reader of a mail look? Addresses of Airflow's pages and of what was published."""

from __future__ import annotations

import urllib.parse
from pathlib import Path

from touchline.domain.layout import MatchFolder
from touchline_airflow.deployment import DeploymentSettings


def run_page(dag_id: str, run_id: str) -> str:
    """Airflow's page of a run."""
    return f"{_airflow()}/dags/{_quoted(dag_id)}/runs/{_quoted(run_id)}"


def dag_page(dag_id: str) -> str:
    """Airflow's page of a DAG."""
    return f"{_airflow()}/dags/{_quoted(dag_id)}"


def published_page(folder: MatchFolder, name: str, deployment: DeploymentSettings) -> str:
    """A published file below REELS_URL, or as a file of the NAS where that is not set."""
    base = deployment.reels_url.rstrip("/") or Path(folder.output_dir).as_uri()
    return f"{base}/{_quoted(folder.match_id)}/{urllib.parse.quote(name)}"


def _airflow() -> str:
    from airflow.sdk.configuration import conf

    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")
