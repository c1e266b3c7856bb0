"""Each action answers with what it did and how things are then."""

from __future__ import annotations

from pathlib import Path

import pytest

from touchline.catalogue import matches
from touchline.errors import UsageError
from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.ops.actions import act

DEPLOYMENT = DeploymentSettings(min_free_gb=0, working_budget_gb=2, cost_per_day_limit=50)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(working_dir=tmp_path)


def test_pause_halt_and_resume_tell_what_changed(settings: Settings) -> None:
    def do(action: str) -> str:
        return str(act(action, "anna", "lunch", settings, DEPLOYMENT)["done"])

    assert "nothing new starts" in do("pause")
    assert "nothing changes" in do("pause")
    assert "are ended within seconds" in do("halt")
    assert do("resume").startswith("resumed")
    assert "it is not held" in do("resume")


def test_status_changes_nothing_and_tells_all(settings: Settings) -> None:
    matches.register(settings.catalogue_address, "cup-final-0123456789ab", "f" * 64, "/nas/cup final.mp4")
    act("halt", "anna", "smoke", settings, DEPLOYMENT)
    first, second = (act("status", "ben", "", settings, DEPLOYMENT) for _ in range(2))
    assert first == second
    assert first["hold"]["who"] == "anna" and first["hold"]["kind"] == "halt" and first["hold"]["why"] == "smoke"
    assert first["queue"]["matches"] == ["cup-final-0123456789ab"]
    assert first["budgets"]["budget_bytes"] == 2_000_000_000
    assert first["cost"] == {"today": 0.0, "gpu_seconds": 0, "cpu_seconds": 0, "currency": "EUR",
                             "per_day_limit": 50, "per_match_limit": 0.0}


def test_any_other_action_is_refused(settings: Settings) -> None:
    with pytest.raises(UsageError, match="'reboot' is not an action: use pause, resume, halt, status"):
        act("reboot", "anna", "", settings, DEPLOYMENT)
