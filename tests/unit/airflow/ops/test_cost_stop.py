"""What a run or a day may cost: beyond it touchline holds, says so once, and goes on when somebody wants it to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from touchline.catalogue import matches, runs
from touchline.catalogue.connection import writing
from touchline.catalogue.runs import StageTime
from touchline.catalogue.schema import stage_times
from touchline.settings import Settings
from touchline_airflow.books.costs import cost_of, cost_today
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.hold.hold import hold
from touchline_airflow.mail.letter import Letter
from touchline_airflow.ops import cost_stop
from touchline_airflow.ops.actions import act
from touchline_airflow.ops.cost_stop import stop_for_cost

MATCH, RUN = "cup-final-0123456789ab", "match__cup-final-0123456789ab__1"
HOUR_MS = 3_600_000
RATES = DeploymentSettings(cost_per_gpu_hour=10, cost_per_cpu_hour=1, min_free_gb=0)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(working_dir=tmp_path)
    matches.register(made.catalogue_address, MATCH, "f" * 64, "/nas/cup final.mp4")
    runs.begin(made.catalogue_address, RUN, MATCH)
    return made


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> list[Letter]:
    sent: list[Letter] = []

    def send(letter: Letter, **_: Any) -> str:
        sent.append(letter)
        return "sent"

    monkeypatch.setattr(cost_stop, "send_mail", send)
    return sent


def spend(settings: Settings, hours: float, stage: str = "spot_chunk", *, done: bool = True) -> None:
    runs.note_stage(settings.catalogue_address, RUN, StageTime(stage, "", round(hours * HOUR_MS), done))


def test_every_attempt_costs_also_one_that_failed(settings: Settings) -> None:
    spend(settings, 0.5, done=False)
    spend(settings, 0.25)
    spend(settings, 2, "scan")
    cost = cost_of(runs.stages(settings.catalogue_address, RUN), RATES)
    assert (cost.gpu_seconds, cost.cpu_seconds) == (2700, 7200)
    assert cost.amount == pytest.approx(0.75 * 10 + 2)


def test_the_cost_of_today_leaves_out_what_ended_before(settings: Settings) -> None:
    spend(settings, 1)
    with writing(settings.catalogue_address) as connection:
        connection.execute(stage_times.update().values(noted_at_ms=stage_times.c.noted_at_ms - 24 * HOUR_MS))
    assert cost_today(settings, RATES).amount == 0
    spend(settings, 1, "scan")
    assert cost_today(settings, RATES).amount == pytest.approx(1)


def test_without_a_limit_nothing_ever_holds(settings: Settings, mails: list[Letter]) -> None:
    spend(settings, 1000)
    stop_for_cost(RUN, MATCH, settings, RATES)
    assert hold(settings.working_dir) is None and mails == []


@pytest.mark.parametrize(("limit", "what"), [("cost_per_match_limit", MATCH), ("cost_per_day_limit", "today")])
def test_beyond_a_limit_it_holds_and_says_so_once(limit: str, what: str, settings: Settings,
                                                  mails: list[Letter]) -> None:
    limited = replace(RATES, **{limit: 15.0})
    spend(settings, 1.5)
    stop_for_cost(RUN, MATCH, settings, limited)
    assert hold(settings.working_dir) is None, "as much as the limit is within it"
    spend(settings, 0.5)
    stop_for_cost(RUN, MATCH, settings, limited)
    stop_for_cost(RUN, MATCH, settings, limited)
    held = hold(settings.working_dir)
    assert held and held.kind == "cost" and what in held.why and f"20.00 EUR, and {limit.upper()} is 15" in held.why
    [mail] = mails
    assert mail.role == "operator" and held.why in mail.lead and "touchline-ops resume" in mail.as_text()


@pytest.mark.parametrize("limit", ["cost_per_match_limit", "cost_per_day_limit"])
def test_who_resumes_allows_the_same_amount_once_more(limit: str, settings: Settings, mails: list[Letter]) -> None:
    limited = replace(RATES, **{limit: 15.0})
    spend(settings, 2)
    stop_for_cost(RUN, MATCH, settings, limited)
    assert act("resume", "anna", "", settings, limited)["hold"] is None
    stop_for_cost(RUN, MATCH, settings, limited)
    assert hold(settings.working_dir) is None
    spend(settings, 1.6)
    stop_for_cost(RUN, MATCH, settings, limited)
    held = hold(settings.working_dir)
    assert held and "36.00 EUR" in held.why and len(mails) == 2


def test_what_a_person_holds_is_not_touched(settings: Settings, mails: list[Letter]) -> None:
    limited = replace(RATES, cost_per_day_limit=1.0)
    act("pause", "anna", "lunch", settings, limited)
    spend(settings, 1)
    stop_for_cost(RUN, MATCH, settings, limited)
    held = hold(settings.working_dir)
    assert held and held.who == "anna" and mails == []
