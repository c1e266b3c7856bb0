"""What happened after a backup is learned when it is restored: nothing is made twice, nothing waits for ever."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from touchline.catalogue import actions, matches, reels, runs
from touchline.domain.layout import MatchFolder
from touchline.exports.match_folder import NewFile, commit_files
from touchline.settings import Settings
from touchline_airflow.backup import Sources, published_folder
from touchline_airflow.dumps import Database, connecting
from touchline_airflow.settle import settle

MATCH, FINGERPRINT = "cup-final-0123456789ab", "0123456789ab" + "f" * 52
RUN = f"match__{MATCH}__1"
ACTION = {"match_ms": 1000, "half": 1, "position_ms": 1000, "label": "Goal", "confidence": 0.9, "source": "spotter"}
REEL = {"name": "keeper", "frames": 10, "duration_ms": 400, "sha256": "a" * 64, "size_bytes": 5, "clips": [{}]}


@pytest.fixture(params=["sqlite", "postgresql"])
def sources(request: pytest.FixtureRequest, own_settings: Settings, tmp_path: Path) -> Sources:
    """Restored databases: Airflow knows the run of the match and one of another."""
    url, airflow = "", f"sqlite:///{tmp_path / 'airflow.db'}"
    if request.param == "postgresql":
        new: Callable[[], str] = request.getfixturevalue("new_database")
        url, airflow = new(), new()
    database = Database("airflow", airflow)
    with connecting(database) as connection, connection.begin():
        for name in ("dag_run", "task_instance"):
            connection.execute(text(f"CREATE TABLE {name} (dag_id TEXT, run_id TEXT, state TEXT, end_date TIMESTAMP)"))
        for run_id in (RUN, "match__other__1"):
            connection.execute(text("INSERT INTO dag_run VALUES ('process_match', :run, 'running', NULL)"),
                               {"run": run_id})
            for state in ("success", "running", None):
                connection.execute(text("INSERT INTO task_instance VALUES ('process_match', :run, :state, NULL)"),
                                   {"run": run_id, "state": state})
    return Sources(replace(own_settings, catalogue_url=url), database)


def publish(sources: Sources) -> MatchFolder:
    folder = MatchFolder(sources.settings.nas_output_path, MATCH)
    content = {
        "match.json": {"title": "Cup final", "duration_ms": 5000,
                       "recordings": [{"file": "Cup final.mp4", "fingerprint": FINGERPRINT}]},
        "actions.json": {"match_id": MATCH, "actions": [ACTION]}, "reels/keeper.json": REEL}
    commit_files(folder, [NewFile.of(name, json.dumps(each).encode()) for name, each in content.items()])
    return folder


def begin(sources: Sources, run_id: str = RUN) -> None:
    address = sources.settings.catalogue_address
    matches.register(address, MATCH, FINGERPRINT, "/nas/deep/Cup final.mp4")
    matches.take_lease(address, MATCH, run_id, lambda _: True)
    runs.begin(address, run_id, MATCH)
    matches.update(address, MATCH, status="processing")


def row(sources: Sources) -> matches.Match:
    found = matches.find(sources.settings.catalogue_address, MATCH)
    assert found
    return found


def in_airflow(sources: Sources, table: str, run_id: str) -> list[str | None]:
    with connecting(sources.airflow) as connection:
        return list(connection.execute(text(f"SELECT state FROM {table} WHERE run_id = :run"), {"run": run_id})
                    .scalars())


@pytest.mark.parametrize("was_known", [True, False])
def test_a_match_that_was_published_since_is_taken_over(sources: Sources, *, was_known: bool) -> None:
    if was_known:
        begin(sources)
    folder = publish(sources)
    assert list(settle({}, sources)) == [f"{MATCH}: published after the backup, taken over from its folder"]
    address, found = sources.settings.catalogue_address, row(sources)
    assert (found.status, found.title, found.duration_ms, found.lease_holder) == ("published", "Cup final", 5000, None)
    expected = "/nas/deep/Cup final.mp4" if was_known else str(sources.settings.nas_mount_path / "Cup final.mp4")
    assert found.recording == expected
    assert actions.of_match(address, MATCH) == [ACTION]
    assert [reel["name"] for reel in reels.of_match(address, MATCH)] == ["keeper"]
    assert [run["status"] for run in runs.of_match(address, MATCH)] == (["published"] if was_known else [])
    # Neither Airflow nor the ingest starts it again; other matches go on.
    assert in_airflow(sources, "dag_run", RUN) == ["success"]
    assert sorted(map(str, in_airflow(sources, "task_instance", RUN))) == ["skipped", "skipped", "success"]
    assert in_airflow(sources, "dag_run", "match__other__1") == ["running"]
    assert matches.without_run(address) == []
    assert folder.manifest.exists()
    assert list(settle({MATCH: published_folder(folder.root)}, sources)) == []


def test_a_published_match_that_was_made_anew_at_the_backup_goes_on(sources: Sources) -> None:
    begin(sources)
    folder = publish(sources)
    assert list(settle({MATCH: published_folder(folder.root)}, sources)) == []
    assert (row(sources).status, row(sources).lease_holder) == ("processing", RUN)
    assert in_airflow(sources, "dag_run", RUN) == ["running"]


def test_a_folder_that_is_not_whole_is_not_taken_over(sources: Sources) -> None:
    folder = publish(sources)
    (folder.root / "actions.json").unlink()
    assert list(settle({}, sources)) == []
    assert matches.find(sources.settings.catalogue_address, MATCH) is None


def test_a_run_that_airflow_does_not_know_is_forgotten_and_its_match_is_started_again(sources: Sources) -> None:
    begin(sources, "match__lost__1")
    assert list(settle({}, sources)) == [
        f"{MATCH}: Airflow's backup does not know its run match__lost__1; the ingest starts it again"]
    assert [match.match_id for match in matches.without_run(sources.settings.catalogue_address)] == [MATCH]
    assert row(sources).lease_holder is None


def test_a_match_whose_second_run_is_lost_is_what_its_first_made_it(sources: Sources) -> None:
    begin(sources)
    address = sources.settings.catalogue_address
    runs.end(address, RUN, "failed", "the disk was full")
    matches.release_lease(address, MATCH, RUN)
    begin(sources, "manual__lost")
    assert "it is failed: start it again by hand" in next(iter(settle({}, sources)))
    assert (row(sources).status, row(sources).reason) == ("failed", "the disk was full")


def test_a_run_that_airflow_knows_goes_on(sources: Sources) -> None:
    begin(sources)
    assert list(settle({}, sources)) == []
    assert (row(sources).status, row(sources).lease_holder) == ("processing", RUN)
