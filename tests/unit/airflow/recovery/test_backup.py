"""A backup is whole or not there, and what is restored is what was backed up."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from touchline.catalogue import backups as rows
from touchline.catalogue import matches
from touchline.domain.layout import MatchFolder, WorkFiles
from touchline.errors import StorageError, TouchlineError
from touchline_airflow.databases.connection import Database
from touchline_airflow.recovery import dumps, keep_backups
from touchline_airflow.recovery.backup import (
    FACTS,
    FILES,
    PUBLISHED,
    SUMS,
    Sources,
    backups,
    make_backup,
    one_at_a_time,
    verify,
)
from touchline_airflow.recovery.facts import read_published
from touchline_airflow.recovery.restore import _extract, differences, refuse_newer, restore
from unit.airflow.backup_place import MATCH, NOON, empty_place


def test_a_backup_is_checked_and_private(sources: Sources, place: Path) -> None:
    made = make_backup(sources, place, now=NOON)
    assert made.root == place / "hourly-20260304T120000Z"
    verify(made.root)
    assert stat.S_IMODE(made.root.stat().st_mode) == 0o700
    assert stat.S_IMODE((made.root / "secrets.tar").stat().st_mode) == 0o600
    assert made.facts["databases"]["catalogue"]["rows"]["matches"] == 1
    assert made.facts["files"] == 2  # actions.json and its stats; no video, nothing half written
    assert list(json.loads((made.root / "published.json").read_text())) == [MATCH]
    assert [path.name for path in place.iterdir() if path.name not in (made.root.name, ".lock")] == []


def test_what_is_restored_is_what_was_backed_up(sources: Sources, place: Path, tmp_path: Path) -> None:
    made, other, said = make_backup(sources, place, now=NOON), empty_place(tmp_path, sources), list[str]()
    restore(made, other, said.append)
    assert matches.find(other.settings.catalogue_address, MATCH)
    assert dumps.held_by(other.airflow).rows == dumps.held_by(sources.airflow).rows
    assert (tmp_path / "elsewhere" / "keys" / "fernet").read_text() == "key"
    before, after = (WorkFiles(each.settings.working_dir, MATCH) for each in (sources, other))
    assert after.actions.read_bytes() == before.actions.read_bytes()
    assert not after.reel_video("keeper").exists()
    assert list(other.settings.working_dir.rglob("*.part*")) == []
    assert [line for line in said if "published folder" in line] == []


def test_a_place_that_is_not_empty_is_left_alone(sources: Sources, place: Path) -> None:
    made = make_backup(sources, place, now=NOON)
    with pytest.raises(TouchlineError, match=r"not empty: files, catalogue, airflow\. Nothing"):
        restore(made, sources, lambda _: None)
    assert WorkFiles(sources.settings.working_dir, MATCH).reel_video("keeper").exists()


def test_lost_results_come_back_beside_what_the_hosts_measured_since(sources: Sources, place: Path) -> None:
    measured = sources.settings.working_dir / "hosts" / "main" / "nas.json"
    measured.parent.mkdir(parents=True)
    measured.write_text("1")
    made = make_backup(sources, place, now=NOON)
    shutil.rmtree(sources.settings.working_dir / "matches")
    measured.write_text("2")
    restore(made, sources, lambda _: None, items=["files"])
    assert WorkFiles(sources.settings.working_dir, MATCH).actions.exists()
    assert measured.read_text() == "2"


def test_what_is_replaced_is_renamed_aside(sources: Sources, place: Path, tmp_path: Path) -> None:
    made = make_backup(sources, place, now=NOON)
    matches.update(sources.settings.catalogue_address, MATCH, status="failed")
    restore(made, sources, lambda _: None, replace=True)
    found = matches.find(sources.settings.catalogue_address, MATCH)
    assert found and found.status == "registered"
    assert len(list(tmp_path.glob("airflow.db.before_*"))) == 1
    assert len(list(sources.settings.working_dir.glob("catalogue.db.before_*"))) >= 1
    assert len(list(sources.settings.working_dir.glob(".before_*/matches/*/reels/keeper.mp4"))) == 1
    # What stands aside is in no later backup.
    assert make_backup(sources, place, now=NOON + timedelta(hours=1)).facts["files"] == 2


@pytest.mark.parametrize("name", ["airflow.sqlite", FILES, FACTS])
def test_a_damaged_backup_is_refused_before_anything_is_touched(sources: Sources, place: Path, tmp_path: Path,
                                                                name: str) -> None:
    made, other = make_backup(sources, place, now=NOON), empty_place(tmp_path, sources)
    with (made.root / name).open("r+b") as handle:
        handle.seek(20)
        handle.write(b"\0\1\2")
    with pytest.raises(TouchlineError, match=f"{name} is damaged"):
        restore(made, other, lambda _: None)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(("change", "line"), [
    ({"airflow": "99.0.0", "databases": {"catalogue": {"revision": "0003"}, "airflow": {"revision": "f" * 12}}},
     "made with Airflow 99.0.0"),
    ({"databases": {"catalogue": {"revision": "9999"}}}, "revision 9999"),
])
def test_a_backup_of_a_newer_release_is_refused(sources: Sources, place: Path, change: dict[str, object],
                                                line: str) -> None:
    facts = make_backup(sources, place, now=NOON).facts | change
    with pytest.raises(TouchlineError, match=line) as caught:
        refuse_newer(facts)
    assert "\n" not in str(caught.value)


def test_a_backup_that_fails_leaves_the_old_ones_and_nothing_else(sources: Sources, place: Path) -> None:
    keep_backups.take_backup(sources, place, lambda _: None)
    before = sorted(path.name for path in place.iterdir())
    broken = Sources(sources.settings, Database("airflow", "sqlite:////nowhere/airflow.db"))
    with pytest.raises(TouchlineError, match="airflow is not there") as caught:
        keep_backups.take_backup(broken, place, lambda _: None, "manual")
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in place.iterdir()) == before
    assert rows.every(sources.settings.catalogue_address)[0].status == "failed"


def test_a_folder_that_is_away_is_never_made(sources: Sources, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"BACKUP_DIR .* is not a folder; mount or create it"):
        make_backup(sources, tmp_path / "gone")
    assert not (tmp_path / "gone").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
@pytest.mark.parametrize("kib", [16, 40])
def test_a_full_disk_is_one_line_and_leaves_nothing(sources: Sources, place: Path, kib: int) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", place], check=True)
    try:
        with pytest.raises(StorageError, match=rf"{place}.* is full: 0 MB free") as caught:
            make_backup(sources, place, now=NOON)
        assert "\n" not in str(caught.value)
        assert os.listdir(place) == [".lock"]
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def test_what_a_killed_backup_left_goes_with_the_next(sources: Sources, place: Path) -> None:
    (place / ".hourly-20260304T110000Z.part").mkdir()
    make_backup(sources, place, now=NOON)
    assert list(place.glob(".*.part")) == []


def test_published_folders_are_compared(sources: Sources, place: Path) -> None:
    made, folder = make_backup(sources, place, now=NOON), MatchFolder(sources.settings.nas_output_path, MATCH)
    listed = read_published(made.root / PUBLISHED)
    assert differences(listed, sources.settings.nas_output_path) == []
    (folder.root / "match.json").unlink()
    assert differences(listed, sources.settings.nas_output_path) == [f"{MATCH}: match.json is missing"]
    folder.manifest.unlink()
    assert differences(listed, sources.settings.nas_output_path) == [f"{MATCH}: is missing"]


def test_an_output_that_is_away_does_not_stop_the_backup(sources: Sources, place: Path) -> None:
    sources.settings.nas_output_path.rename(sources.settings.nas_output_path.with_name("unplugged"))
    made = make_backup(sources, place, now=NOON)
    assert "NAS_OUTPUT_PATH" in made.facts["warning"]


# --- Trials ---------------------------------------------------------------------------------------------------------

def test_the_newest_is_tried_once_a_week(sources: Sources, place: Path) -> None:
    address = sources.settings.catalogue_address
    assert keep_backups.trial_is_due(sources)
    keep_backups.take_backup(sources, place, lambda _: None)
    tried = keep_backups.take_trial(sources, place, lambda _: None)
    row = next(each for each in rows.every(address) if each.backup_id == tried.root.name)
    assert row.restored_at_ms and row.status == "ok"
    assert not keep_backups.trial_is_due(sources)
    assert keep_backups.trial_is_due(sources, datetime.now(UTC) + timedelta(days=8))
    assert list(place.glob(".*.part")) == []


def test_a_trial_that_fails_says_so_in_the_catalogue(sources: Sources, place: Path) -> None:
    made = keep_backups.take_backup(sources, place, lambda _: None)
    facts = made.facts
    facts["databases"]["airflow"]["rows"]["dag_run"] = 7
    for each in backups(place):
        (each.root / FACTS).unlink()
        (each.root / FACTS).write_text(json.dumps(facts))
        lines = [line for line in (each.root / SUMS).read_text().splitlines() if FACTS not in line]
        (each.root / SUMS).unlink()
        (each.root / SUMS).write_text("\n".join(lines) + "\n")
    with pytest.raises(TouchlineError, match="airflow holds other rows than noted: dag_run"):
        keep_backups.take_trial(sources, place, lambda _: None)
    assert any("trial restore" in (row.reason or "") for row in rows.every(sources.settings.catalogue_address))
    assert list(place.glob(".*.part")) == [] and keep_backups.trial_is_due(sources)


def test_two_at_once_are_refused(sources: Sources, place: Path) -> None:
    with one_at_a_time(place), pytest.raises(TouchlineError, match="another backup"):
        make_backup(sources, place)
    assert os.listdir(place) == [".lock"]


@pytest.mark.parametrize(("name", "kind"), [("../out", tarfile.REGTYPE), ("/out", tarfile.REGTYPE),
                                            ("link", tarfile.SYMTYPE), ("pipe", tarfile.FIFOTYPE)])
def test_what_no_backup_makes_is_not_unpacked(tmp_path: Path, name: str, kind: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc" if kind == tarfile.SYMTYPE else ""
    with tarfile.open(tmp_path / "files.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("matches.json"))
        archive.addfile(member)
    (tmp_path / "place").mkdir()
    with pytest.raises(TouchlineError, match="which no backup makes"):
        _extract(tmp_path / "files.tar", tmp_path / "place")
    assert list((tmp_path / "place").iterdir()) == []
