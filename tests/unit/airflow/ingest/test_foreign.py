"""A video that cannot be read is said once, where the operator looks, and not every five seconds."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime

from support.nas_files import drop
from touchline.catalogue import recordings
from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.ingest import standing_still
from touchline_airflow.ingest.foreign import tell_foreign
from touchline_airflow.summary.day import day_since
from touchline_airflow.summary.mails import SHOWN, letters

YESTERDAY = datetime(2020, 1, 1, tzinfo=UTC)


def told(settings: Settings) -> list[str]:
    said: list[str] = []
    tell_foreign(settings, said.append)
    return said


def test_each_is_said_once_with_what_to_do(own_settings: Settings) -> None:
    path = drop(own_settings, "Cup final.WMV")
    drop(own_settings, "notes.txt")
    assert told(own_settings) == [
        f"{path} is not taken: .wmv is Windows Media, which touchline does not read: export it as MP4 and copy that"]
    path.write_bytes(b"a longer film")
    assert told(own_settings) == []
    assert standing_still.find_due(own_settings, 0) == standing_still.find_due(own_settings, 60_000) == []


def test_a_name_with_a_newline_is_one_line(own_settings: Settings) -> None:
    drop(own_settings, "Cup\nERROR all is lost.wmv")
    [line] = told(own_settings)
    assert "\n" not in line and "Cup ERROR all is lost.wmv is not taken" in line


def test_it_stands_in_the_summary(own_settings: Settings) -> None:
    drop(own_settings, "cup.mxf")
    told(own_settings)
    [failed] = day_since(YESTERDAY, own_settings, DeploymentSettings(backup_dir=own_settings.working_dir)).failed
    assert failed.name == "cup.mxf" and failed.reason.startswith(".mxf is MXF, which touchline does not read")


def test_an_archive_of_them_does_not_fill_the_summary(own_settings: Settings) -> None:
    for number in range(SHOWN + 5):
        drop(own_settings, f"{number}.wmv")
    told(own_settings)
    deployment = DeploymentSettings(backup_dir=own_settings.working_dir)
    [letter] = letters(day_since(YESTERDAY, own_settings, deployment), own_settings, deployment)
    assert f"{SHOWN + 5} failed" in letter.subject
    [section] = [one for one in letter.sections if one.heading == "Failed"]
    assert len(section.lines) == SHOWN + 1 and section.lines[-1].says == "and 5 more"


def test_what_is_older_than_ingest_since_is_not_said(own_settings: Settings) -> None:
    path = drop(own_settings, "cup.wmv")
    os.utime(path, (1_700_000_000, 1_700_000_000))
    assert told(replace(own_settings, ingest_since="2024-08-01")) == []
    assert recordings.every(own_settings.catalogue_address) == {}
