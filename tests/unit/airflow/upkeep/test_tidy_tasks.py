"""One match that cannot be closed never stops the upkeep of the others, whatever its database says."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException
from sqlalchemy import text

from touchline.catalogue import matches, runs
from touchline.catalogue.connection import writing
from touchline.domain.layout import WorkFiles
from touchline.results.result import reuse_or_compute
from touchline.settings import Settings
from touchline_airflow.upkeep import tidy_tasks

NAMES = ("cup-0123456789ab", "league-0123456789ab", "youth-0123456789ab")
STUCK = NAMES[1]
REFUSE = {
    "sqlite": "CREATE TRIGGER no BEFORE UPDATE ON matches WHEN NEW.match_id = '{id}' AND NEW.status = 'failed' "
              "BEGIN SELECT RAISE(ABORT, 'not this one'); END",
    "postgresql": "ALTER TABLE matches ADD CONSTRAINT no CHECK (match_id <> '{id}' OR status <> 'failed')",
}
"""A database that refuses what a match would need to be closed: any error that nobody has thought of."""


@pytest.fixture(params=list(REFUSE))
def settings(request: pytest.FixtureRequest, own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Three matches whose runs have failed in Airflow and are still open in the catalogue."""
    if request.param == "postgresql":
        new_database: Callable[[], str] = request.getfixturevalue("new_database")
        own_settings = dataclasses.replace(own_settings, catalogue_url=new_database())
        monkeypatch.setenv("CATALOGUE_URL", own_settings.catalogue_address)
    for name in ("nas_mount_path", "nas_output_path", "working_dir", "scratch_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(own_settings, name)))
    this = SimpleNamespace(get_dagrun_state=lambda _dag, _run: "failed", get_task_states=lambda _dag, run_ids: {})
    monkeypatch.setattr(tidy_tasks, "get_current_context", lambda: {"ti": this})
    for number, match_id in enumerate(NAMES):
        matches.register(own_settings.catalogue_address, match_id, f"{number:064x}", f"/nas/{match_id}.mp4")
        run_id = f"match__{match_id}__1"
        matches.take_lease(own_settings.catalogue_address, match_id, run_id, lambda _: True)
        runs.begin(own_settings.catalogue_address, run_id, match_id)
        matches.update(own_settings.catalogue_address, match_id, status="processing")
    return own_settings


def tidy(settings: Settings) -> None:
    tidy_tasks.close_ended_runs.function()


def status(settings: Settings) -> dict[str, str]:
    return {match.match_id: match.status for match in matches.every(settings.catalogue_address)}


def test_the_others_are_closed_and_the_task_names_the_one(settings: Settings) -> None:
    kind = settings.catalogue_address.partition(":")[0].partition("+")[0]
    with writing(settings.catalogue_address) as connection:
        connection.execute(text(REFUSE[kind].format(id=STUCK)))
    with pytest.raises(AirflowException, match=f"^{STUCK} could not be closed or tidied: see above$"):
        tidy(settings)
    assert status(settings) == {NAMES[0]: "failed", STUCK: "processing", NAMES[2]: "failed"}


def test_a_title_with_a_nul_closes_nobody_out(settings: Settings) -> None:
    """A step of an older release let it through; PostgreSQL holds no NUL."""
    probe: dict[str, Any] = {"recordings": [{"path": "/nas/x.mp4", "duration_ms": 1000}],
                             "sidecar": {"title": "Reds\0Blues"}}
    reuse_or_compute(WorkFiles(settings.working_dir, STUCK).probe, "probe", {}, lambda: probe)
    tidy(settings)
    assert set(status(settings).values()) == {"failed"}
    match = matches.find(settings.catalogue_address, STUCK)
    assert match and match.title and "\0" not in match.title and match.title.startswith("Reds")


def test_a_reason_may_hold_anything(settings: Settings) -> None:
    matches.update(settings.catalogue_address, STUCK, reason="\0\x1b[31mred\nand more\u202e " + "x" * 10_000)
    match = matches.find(settings.catalogue_address, STUCK)
    assert match and match.reason and match.reason.startswith("\ufffd\ufffd[31mred and more xxx")
    assert len(match.reason) == 2000 and match.reason.isprintable()
