"""A run of a match is started from its id alone; what its recording is called is data."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DagRunTriggerException

from touchline.catalogue import matches
from touchline.settings import Settings
from touchline_airflow.ingest.start_match import StartMatch

MATCH = "u15-0123456789ab"
RECORDING = "/nas/U15 {{ macros.dateutil.tz.tz.os.popen('id > PWNED').read() }} {% raw %}.mp4"


@pytest.fixture
def settings(own_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in ("nas_mount_path", "nas_output_path", "working_dir", "scratch_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(own_settings, name)))
    matches.register(own_settings.catalogue_address, MATCH, "f" * 64, RECORDING)
    return own_settings


def start(match_id: str) -> Any:
    StartMatch(task_id="start_match", match_id=match_id).execute({})  # type: ignore[arg-type]


def test_its_conf_is_what_the_catalogue_holds(settings: Settings) -> None:
    matches.update(settings.catalogue_address, MATCH, duration_ms=60_000)
    with pytest.raises(DagRunTriggerException) as raised:
        start(MATCH)
    assert (raised.value.trigger_dag_id, raised.value.dag_run_id) == ("process_match", f"match__{MATCH}__1")
    assert raised.value.conf["recording"] == RECORDING and raised.value.conf["duration_ms"] == 60_000
    assert raised.value.skip_when_already_exists


def test_a_match_whose_run_has_begun_meanwhile_is_skipped(settings: Settings) -> None:
    matches.update(settings.catalogue_address, MATCH, status="processing")
    with pytest.raises(AirflowSkipException, match="is processing"):
        start(MATCH)


def test_what_is_no_match_fails_in_one_line(settings: Settings) -> None:
    with pytest.raises(AirflowFailException, match="the catalogue has no match"):
        start("{{ 6 * 7 }}")
