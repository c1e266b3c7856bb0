"""What happened after a backup is learned when it is restored: nothing is made twice, nothing waits for ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from touchline.catalogue import actions, matches, reels, runs
from touchline.domain.layout import MatchFolder
from touchline.errors import INFRASTRUCTURE, Failure
from touchline.exports.match_folder import NewFile, commit_files
from touchline.settings import Settings
from touchline_airflow.databases.connection import Database, connecting
from touchline_airflow.recovery.backup import Sources
from touchline_airflow.recovery.catch_up import catch_up
from touchline_airflow.recovery.content import published_folder

MATCH, FINGERPRINT = "cup-final-0123456789ab", "0123456789ab" + "f" * 52
RUN = f"match__{MATCH}__1"
ACTION = {"match_ms": 1000, "half": 1, "position_ms": 1000, "label": "Goal", "confidence": 0.9, "source": "model"}
REEL = {"match_id": MATCH, "name": "keeper", "frames": 10, "duration_ms": 400, "sha256": "a" * 64, "size_bytes": 5,
        "clips": [{}]}


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


def described() -> dict[str, Any]:
    """The JSON files of a match folder by name."""
    return {
        "match.json": {"match_id": MATCH, "title": "Cup final", "duration_ms": 5000,
                       "recordings": [{"file": "Cup final.mp4", "fingerprint": FINGERPRINT}]},
        "actions.json": {"match_id": MATCH, "actions": [ACTION]}, "reels/keeper.json": REEL}


def publish(sources: Sources, content: Mapping[str, Any] | None = None, match_id: str = MATCH) -> MatchFolder:
    folder = MatchFolder(sources.settings.nas_output_path, match_id)
    commit_files(folder, [NewFile.of(name, each if isinstance(each, bytes) else json.dumps(each).encode())
                          for name, each in (content or described()).items()])
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
    assert list(catch_up({}, sources)) == [f"{MATCH}: published after the backup, taken over from its folder"]
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
    assert list(catch_up({MATCH: published_folder(folder.root)}, sources)) == []


def test_a_published_match_that_was_made_anew_at_the_backup_goes_on(sources: Sources) -> None:
    begin(sources)
    folder = publish(sources)
    assert list(catch_up({MATCH: published_folder(folder.root)}, sources)) == []
    assert (row(sources).status, row(sources).lease_holder) == ("processing", RUN)
    assert in_airflow(sources, "dag_run", RUN) == ["running"]


def test_a_folder_that_is_not_whole_is_told_and_not_taken_over(sources: Sources) -> None:
    folder = publish(sources)
    (folder.root / "actions.json").unlink()
    [line] = catch_up({}, sources)
    assert f"{MATCH}: published after the backup, but its folder cannot be taken over: actions.json is missing" in line
    assert matches.find(sources.settings.catalogue_address, MATCH) is None


HOSTILE = {
    "no JSON": ("match.json", b"{", "match.json is damaged, it is not a JSON table"),
    "a list": ("match.json", b"[1, 2]", "match.json is damaged, it is not a JSON table"),
    "nested deep": ("match.json", b"[" * 100_000, "match.json is damaged, it is not a JSON table"),
    "empty": ("match.json", {"title": None, "duration_ms": None}, "match.json has no title"),
    "of another match": ("match.json", {"match_id": "other-0123456789ab"}, "match.json is that of another match"),
    "a title with NUL": ("match.json", {"title": "Reds\0Blues"}, "match.json has no title"),
    "a title of 1 MB": ("match.json", {"title": "x" * 1_000_000}, "match.json has no title"),
    "half a character": ("match.json", {"title": "\ud800"}, "match.json has no title"),
    "a length of text": ("match.json", {"duration_ms": "5000"}, "match.json has no duration_ms"),
    "a length beyond all": ("match.json", {"duration_ms": 1 << 70}, "match.json has no duration_ms"),
    "no recording": ("match.json", {"recordings": []}, "match.json names no recordings"),
    "a recording elsewhere": ("match.json", {"recordings": [
        {"file": "../../etc/passwd", "fingerprint": FINGERPRINT}]}, "match.json names no recordings"),
    "an absolute recording": ("match.json", {"recordings": [
        {"file": "/etc/passwd", "fingerprint": FINGERPRINT}]}, "match.json names no recordings"),
    "a recording that is the folder": ("match.json", {"recordings": [
        {"file": "..", "fingerprint": FINGERPRINT}]}, "match.json names no recordings"),
    "a recording with NUL": ("match.json", {"recordings": [
        {"file": "a\0.mp4", "fingerprint": FINGERPRINT}]}, "match.json names no recordings"),
    "a short fingerprint": ("match.json", {"recordings": [
        {"file": "a.mp4", "fingerprint": FINGERPRINT[:20]}]}, "match.json names no recordings"),
    "a foreign fingerprint": ("match.json", {"recordings": [
        {"file": "a.mp4", "fingerprint": "e" * 64}]}, "match.json has a fingerprint that is not that of the folder"),
    "an action of text": ("actions.json", {"actions": ["goal"]}, "actions.json holds what is not an action"),
    "a time of text": ("actions.json", {"actions": [ACTION | {"match_ms": "1"}]}, "actions.json holds what is no"),
    "a half beyond all": ("actions.json", {"actions": [ACTION | {"half": 1 << 40}]}, "actions.json holds what is no"),
    "a label with NUL": ("actions.json", {"actions": [ACTION | {"label": "Go\0al"}]}, "actions.json holds what is no"),
    "a long label": ("actions.json", {"actions": [ACTION | {"label": "Goal" * 20}]}, "actions.json holds what is no"),
    "no confidence": ("actions.json", {"actions": [ACTION | {"confidence": float("nan")}]}, "actions.json holds what"),
    "a reel twice": ("reels/other.json", {"name": "keeper", "clips": []}, "reels/other.json describes no reel"),
    "frames of text": ("reels/keeper.json", {"frames": "10"}, "reels/keeper.json describes no reel"),
    "clips of text": ("reels/keeper.json", {"clips": "all"}, "reels/keeper.json describes no reel"),
    "a digest of text": ("reels/keeper.json", {"sha256": "no"}, "reels/keeper.json describes no reel"),
}


def test_damaged_folders_are_told_in_one_line_each_and_all_others_are_taken_over(sources: Sources) -> None:
    expected, whole = {}, "zzz-fedcba987654"
    for number, (name, changed, line) in enumerate(HOSTILE.values()):
        match_id = f"k{number:02}-0123456789ab"
        content = {other: {**each, "match_id": match_id} for other, each in described().items()}
        content[name] = changed if isinstance(changed, bytes) else content.get(name, {"match_id": match_id}) | changed
        publish(sources, content, match_id)
        expected[match_id] = f"{match_id}: published after the backup, but its folder cannot be taken over: {line}"
    others = described()
    others["match.json"] |= {"recordings": [{"file": "z.mp4", "fingerprint": "fedcba987654" + "0" * 52}]}
    publish(sources, {name: {**each, "match_id": whole} for name, each in others.items()}, whole)
    output = sources.settings.nas_output_path
    before = {path: path.read_bytes() for path in output.rglob("*") if path.is_file()}

    told = list(catch_up({}, sources))
    cut = {line.partition(":")[0]: line[:len(expected.get(line.partition(":")[0], line))] for line in told}
    assert cut == {**expected, whole: f"{whole}: published after the backup, taken over from its folder"}
    assert [line for line in told if "\n" in line or len(line) > 400] == []
    assert [match.match_id for match in matches.every(sources.settings.catalogue_address)] == [whole]
    assert {path: path.read_bytes() for path in output.rglob("*") if path.is_file()} == before


def test_a_file_that_was_changed_since_it_was_published_is_not_believed(sources: Sources) -> None:
    folder = publish(sources)
    path = folder.root / "match.json"
    content = path.read_bytes().replace(b"Cup", b"Cap")
    path.unlink()
    path.write_bytes(content)
    assert "match.json is damaged, its sha256 is not that of manifest.json" in next(iter(catch_up({}, sources)))


MANIFESTS = (
    b"", b"{}", b'{"files": 7}', b'{"files": {"match.json": 7}}', b"[" * 100_000,
    json.dumps({"match_id": MATCH, "files": {"../match.json": {"sha256": "a" * 64, "size_bytes": 1}}}).encode(),
    json.dumps({"match_id": MATCH, "files": {"a\0b": {"sha256": "a" * 64, "size_bytes": 1}}}).encode(),
    json.dumps({"match_id": MATCH, "files": {"match.json": {"sha256": "a" * 64, "size_bytes": "1"}}}).encode())


def test_a_damaged_manifest_is_told_in_one_line(sources: Sources) -> None:
    folder = publish(sources)
    for manifest in MANIFESTS:
        folder.manifest.unlink()
        folder.manifest.write_bytes(manifest)
        [line] = catch_up({}, sources)
        assert "cannot be taken over: manifest.json is damaged" in line and "\n" not in line


def test_a_folder_that_was_copied_is_not_a_second_match(sources: Sources) -> None:
    copy = "copy-0123456789ab"
    publish(sources)
    publish(sources, {name: {**each, "match_id": copy} for name, each in described().items()}, copy)
    first, second = catch_up({}, sources)
    assert first.endswith("taken over from its folder") and first.startswith(copy)
    assert "the catalogue has its content as another match" in second
    assert [match.match_id for match in matches.every(sources.settings.catalogue_address)] == [copy]


def test_a_folder_with_the_name_of_another_content_is_left(sources: Sources) -> None:
    begin(sources)
    content = described()
    content["match.json"]["recordings"][0]["fingerprint"] = FINGERPRINT[:12] + "0" * 52
    publish(sources, content)
    assert "or its name as another content" in next(iter(catch_up({}, sources)))
    assert (row(sources).status, row(sources).fingerprint) == ("processing", FINGERPRINT)


def test_a_match_of_two_recordings_is_taken_over_as_the_content_of_both(sources: Sources) -> None:
    halves = ["1" * 64, "2" * 64]
    content = hashlib.sha256("".join(halves).encode()).hexdigest()
    match_id = f"final-{content[:12]}"
    others = described()
    others["match.json"] |= {"recordings": [{"file": f"{half[0]}.mp4", "fingerprint": half} for half in halves]}
    publish(sources, {name: {**each, "match_id": match_id} for name, each in others.items()}, match_id)
    assert list(catch_up({}, sources)) == [f"{match_id}: published after the backup, taken over from its folder"]
    [found] = matches.every(sources.settings.catalogue_address)
    assert (found.fingerprint, found.recording) == (content, str(sources.settings.nas_mount_path / "1.mp4"))


def test_a_run_that_airflow_does_not_know_is_forgotten_and_its_match_is_started_again(sources: Sources) -> None:
    begin(sources, "match__lost__1")
    assert list(catch_up({}, sources)) == [
        f"{MATCH}: Airflow's backup does not know its run match__lost__1; the ingest starts it again"]
    assert [match.match_id for match in matches.without_run(sources.settings.catalogue_address)] == [MATCH]
    assert row(sources).lease_holder is None


def test_a_match_whose_second_run_is_lost_is_what_its_first_made_it(sources: Sources) -> None:
    begin(sources)
    address = sources.settings.catalogue_address
    runs.end(address, RUN, Failure(INFRASTRUCTURE, "the disk was full"))
    matches.release_lease(address, MATCH, RUN)
    begin(sources, "manual__lost")
    assert "it is failed: start it again by hand" in next(iter(catch_up({}, sources)))
    assert (row(sources).status, row(sources).reason) == ("failed", "the disk was full")


def test_a_run_that_airflow_knows_goes_on(sources: Sources) -> None:
    begin(sources)
    assert list(catch_up({}, sources)) == []
    assert (row(sources).status, row(sources).lease_holder) == ("processing", RUN)
