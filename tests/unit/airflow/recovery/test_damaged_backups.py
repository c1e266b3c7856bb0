"""A backup is data: one that says nonsense, or that can only be read, is no traceback and spoils no other."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from touchline.catalogue import matches
from touchline.domain.layout import WorkFiles
from touchline.errors import TouchlineError, UsageError
from touchline_airflow.recovery import keep_backups
from touchline_airflow.recovery.backup import FACTS, PUBLISHED, SUMS, Backup, Sources, backups, make_backup, verify
from touchline_airflow.recovery.facts import read_published
from touchline_airflow.recovery.restore import restore
from unit.airflow.backup_place import EMPTY, MATCH, NOON, TOLD, empty_place

YEAR = timedelta(days=365)


# --- A folder that can only be read ---------------------------------------------------------------------------------

@pytest.fixture
def read_only(place: Path) -> Iterator[Callable[[], None]]:
    """Makes BACKUP_DIR a mount that root cannot write to either."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a folder read-only")

    def make() -> None:
        subprocess.run(["mount", "--bind", place, place], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)

    yield make
    subprocess.run(["umount", "-l", place], check=False, capture_output=True)


@pytest.mark.parametrize("keys", ["lost", "there", "changed"])
def test_listing_and_restoring_only_read(sources: Sources, place: Path, tmp_path: Path, keys: str,
                                         read_only: Callable[[], None]) -> None:
    made, other = make_backup(sources, place, now=NOON), empty_place(tmp_path, sources)
    (place / ".lock").unlink()
    if keys != "lost":
        assert other.secrets
        other.secrets.mkdir(parents=True)
        (other.secrets / "fernet").write_text("key" if keys == "there" else "new")
    read_only()
    with pytest.raises(OSError, match="Read-only file system"):
        (place / "x").touch()
    assert [each.root for each in backups(place)] == [made.root]
    newest = keep_backups.newest_backup(place)
    if keys == "changed":
        with pytest.raises(UsageError, match="not empty: secrets"):
            restore(newest, other, lambda _: None)
        return
    restore(newest, other, lambda _: None)
    assert matches.find(other.settings.catalogue_address, MATCH)
    assert (tmp_path / "elsewhere" / "keys" / "fernet").read_text() == "key"


# --- A backup that says nonsense ------------------------------------------------------------------------------------

def rewrite(backup: Backup, name: str, content: bytes) -> None:
    """With a digest that is right: another hand did it, not the disk."""
    for path, text in ((backup.root / name, content), (backup.root / SUMS, b"")):
        path.unlink()
        path.write_bytes(text)
    listed = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in backup.root.iterdir()
              if path.name != SUMS}
    (backup.root / SUMS).write_text("".join(f"{digest}  {each}\n" for each, digest in sorted(listed.items())))


@pytest.mark.parametrize("content", [
    b"", b"[]", b"{}", b"\xff", b"[" * 100_000, json.dumps(TOLD | {"databases": {"catalogue": EMPTY}}).encode(),
    json.dumps(TOLD | {"made_at": 7}).encode(), json.dumps(TOLD | {"files": "all"}).encode(),
    json.dumps(TOLD | {"databases": {"catalogue": EMPTY, "airflow": {"revision": 7, "rows": {}}}}).encode()])
def test_damaged_facts_are_one_line_and_nothing_is_touched(sources: Sources, place: Path, tmp_path: Path,
                                                           content: bytes) -> None:
    made = make_backup(sources, place, now=NOON)
    rewrite(made, FACTS, content)
    with pytest.raises(TouchlineError, match=rf"{FACTS} is damaged, it .*: take another backup$") as caught:
        restore(made, empty_place(tmp_path, sources), lambda _: None)
    assert "\n" not in str(caught.value) and not (tmp_path / "elsewhere").exists()
    # It is listed, as the oldest; the next one is not stopped by it.
    after = make_backup(sources, place, now=NOON - YEAR)
    assert [each.root for each in backups(place)] == [after.root, made.root]


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"a": ', b"[" * 100_000])
def test_a_damaged_list_is_one_line_and_nothing_is_touched(sources: Sources, place: Path, tmp_path: Path,
                                                           content: bytes) -> None:
    made = make_backup(sources, place, now=NOON)
    rewrite(made, PUBLISHED, content)
    with pytest.raises(TouchlineError, match=f"{PUBLISHED} is damaged, it is not a JSON table: take another backup$"):
        restore(made, empty_place(tmp_path, sources), lambda _: None)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("listed", [
    {"../../etc": {"manifest": "a" * 64, "files": {}}}, {MATCH: 7}, {MATCH: {"manifest": 7, "files": {}}},
    {MATCH: {"manifest": "a" * 64, "files": {"../x": {"sha256": "a" * 64, "size_bytes": 1}}}},
    {MATCH: {"manifest": "a" * 64, "files": {"x": {"sha256": "a" * 64, "size_bytes": "1"}}}}])
def test_what_is_listed_in_no_form_of_ours_counts_as_not_listed(tmp_path: Path, listed: dict[str, object]) -> None:
    right = {"manifest": "b" * 64, "files": {"match.json": {"sha256": "a" * 64, "size_bytes": 1}}}
    (tmp_path / PUBLISHED).write_text(json.dumps(listed | {"zzz-0123456789ab": right}))
    assert read_published(tmp_path / PUBLISHED) == {"zzz-0123456789ab": right}


@pytest.mark.parametrize("sums", [b"\xff", b"nonsense\n", b"0  ../../etc/passwd\n", b"0  a\0b\n"])
def test_damaged_sums_are_one_line(sources: Sources, place: Path, sums: bytes) -> None:
    made = make_backup(sources, place, now=NOON)
    (made.root / SUMS).unlink()
    (made.root / SUMS).write_bytes(sums)
    with pytest.raises(TouchlineError, match=f"not a whole backup: its {SUMS} is missing or damaged$"):
        verify(made.root)
    assert not made.is_whole


def test_a_backup_without_one_of_its_parts_is_refused_before_anything_is_touched(sources: Sources, place: Path,
                                                                                 tmp_path: Path) -> None:
    made = make_backup(sources, place, now=NOON)
    (made.root / "airflow.sqlite").unlink()
    rewrite(made, FACTS, (made.root / FACTS).read_bytes())
    with pytest.raises(TouchlineError, match=r"airflow\.sqlite is not in the backup: .*Nothing was changed"):
        restore(made, empty_place(tmp_path, sources), lambda _: None)
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_whose_name_is_no_moment_is_no_backup(sources: Sources, place: Path) -> None:
    (place / "hourly-20261399T000000Z").mkdir()
    (place / "daily-20260304T120000Z").symlink_to(place)
    assert backups(place) == []


def test_a_damaged_result_does_not_spoil_the_trial(sources: Sources, place: Path) -> None:
    WorkFiles(sources.settings.working_dir, MATCH).scan.write_text("{")
    keep_backups.take_backup(sources, place, lambda _: None)
    keep_backups.take_trial(sources, place, lambda _: None)
