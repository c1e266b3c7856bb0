"""What the tests of backups share: empty places, and folders that look like backups."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from touchline.settings import Settings
from touchline_airflow.databases.connection import Database
from touchline_airflow.recovery.backup import FACTS, SUMS, Backup, Sources

MATCH = "cup-final-0123456789ab"
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def empty_place(tmp_path: Path, sources: Sources) -> Sources:
    """Somewhere else to restore to; only what is published is the same."""
    folder = tmp_path / "elsewhere"
    settings = Settings(nas_mount_path=sources.settings.nas_mount_path, working_dir=folder / "work",
                        nas_output_path=sources.settings.nas_output_path, scratch_dir=folder / "scratch")
    return Sources(settings, Database("airflow", f"sqlite:///{folder / 'airflow.db'}"), folder / "keys")


EMPTY = {"revision": None, "rows": {}}
TOLD = {"made_at": "2026-03-04T12:00:00+00:00", "touchline": "1", "airflow": None, "fernet_key": None, "warning": None,
        "databases": {"catalogue": EMPTY, "airflow": EMPTY}, "files": 0}


def fake(place: Path, name: str, *, whole: bool = True, number: int = 0) -> Backup:
    """A folder that looks like a backup; without a number it is from before there were numbers."""
    (place / name).mkdir(parents=True)
    (place / name / SUMS).write_text(f"0  {FACTS}\n")
    if whole:
        (place / name / FACTS).write_text(json.dumps(TOLD | ({"number": number} if number else {})))
    return Backup(place / name)
