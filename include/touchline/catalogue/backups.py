"""Which backups were made, and were they checked?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select

from touchline.catalogue.connection import reading, upsert, writing
from touchline.catalogue.schema import backups


@dataclass(frozen=True)
class Backup:
    """One row of the catalogue; `kind` is hourly, daily or weekly."""

    backup_id: str
    kind: str
    made_at_ms: int
    bytes: int
    status: str
    checked_at_ms: int | None = None
    restored_at_ms: int | None = None
    reason: str | None = None


def note(url: str, backup: Backup) -> None:
    """Write one backup down, or what became of it since."""
    with writing(url) as connection:
        upsert(connection, backups, asdict(backup))


def update(url: str, backup_id: str, **columns: Any) -> None:
    """Set columns of one backup: kind, bytes, status, reason, checked_at_ms, restored_at_ms."""
    with writing(url) as connection:
        connection.execute(backups.update().where(backups.c.backup_id == backup_id).values(**columns))


def forget(url: str, backup_id: str) -> None:
    """Remove the row of a backup whose files are gone."""
    with writing(url) as connection:
        connection.execute(backups.delete().where(backups.c.backup_id == backup_id))


def every(url: str) -> list[Backup]:
    """All backups, the newest first."""
    with reading(url) as connection:
        rows = connection.execute(select(backups).order_by(backups.c.made_at_ms.desc(), backups.c.backup_id)).mappings()
        return [Backup(**row) for row in rows]
