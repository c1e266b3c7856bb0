"""A Prometheus of the test's own, from Debian's package, with the real rules, that asks one exporter every second."""

from __future__ import annotations

import json
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.services import Service

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "docker" / "prometheus"


def skip_without(program: str) -> None:
    """Skip the test, or fail it where TOUCHLINE_PROMETHEUS says `required`, as in CI."""
    if not shutil.which(program):
        reason = f"{program} is missing: install Debian's packages prometheus and prometheus-alertmanager"
        pytest.fail(reason) if os.environ.get("TOUCHLINE_PROMETHEUS") == "required" else pytest.skip(reason)


class Prometheus(Service):
    """The folder must be one that its user may enter."""

    account = "prometheus"

    def __init__(self, folder: Path, exporter_port: int) -> None:
        super().__init__(folder)
        self._exporter = f"127.0.0.1:{exporter_port}"

    def answers(self) -> bool:
        try:
            self._get("/-/ready", {})
        except (OSError, AssertionError):  # not yet there, not yet ready
            return False
        return True

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """The series that the expression gives now."""
        return list(json.loads(self._get("/api/v1/query", {"query": expression}))["data"]["result"])

    def rules(self) -> list[dict[str, Any]]:
        """All rules with their health and state."""
        groups = json.loads(self._get("/api/v1/rules", {}))["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def _get(self, path: str, parameters: dict[str, str]) -> bytes:
        url = f"http://{self.host}:{self.port}{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def _prepare(self) -> None:
        super()._prepare()
        config = yaml.safe_load((RULES / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(self.folder / name) for name in config["rule_files"]]
        config["scrape_configs"][0]["static_configs"] = [{"targets": [self._exporter]}]
        del config["alerting"]
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        for rules in ("recorded.yml", "alerts.yml"):
            shutil.copyfile(RULES / rules, self.folder / rules)
        (self.folder / "data").mkdir(exist_ok=True)
        if self._user():
            shutil.chown(self.folder / "data", self.account, self.account)

    def _argv(self) -> list[str]:
        return ["prometheus", f"--config.file={self.folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self.folder / 'data'}", f"--web.listen-address={self.host}:{self.port}"]
