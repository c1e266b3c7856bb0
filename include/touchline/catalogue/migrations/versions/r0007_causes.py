"""The cause of a failure beside its reason; the column of leases that nobody reads goes."""

from __future__ import annotations

import json
import re

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
_TABLES = ("matches", "runs", "stage_times")
_STOPPED = ("Airflow ended ", "the run was ", "the run ended as success", "held (")
_STORAGE = re.compile(r"waiting for space| is (full|read-only|away)\b| cannot be (read|written)\b")
_CAUSE_OF_EXIT = {3: "recording", 2: "setting"}


def upgrade() -> None:
    """Add a column to three tables; what failed before gets its cause from its sentence, as earlier releases did."""
    for name in _TABLES:
        op.add_column(name, sa.Column("cause", sa.String(16)))
    op.drop_column("matches", "lease_until_ms")
    _find_causes()


def downgrade() -> None:
    """Take them back."""
    op.add_column("matches", sa.Column("lease_until_ms", sa.BigInteger))
    for name in _TABLES:
        op.drop_column(name, "cause")


def _find_causes() -> None:
    connection = op.get_bind()
    exit_codes = {}
    stages = sa.text("SELECT run_id, stage, part, reason, stats FROM stage_times WHERE reason IS NOT NULL")
    for row in connection.execute(stages).all():
        exit_codes[row.reason] = (json.loads(row.stats) if row.stats else {}).get("exit_code")
    for table in _TABLES:
        found = connection.execute(sa.text(f"SELECT DISTINCT reason FROM {table} WHERE reason IS NOT NULL"))  # noqa: S608
        for reason in found.scalars().all():
            connection.execute(sa.text(f"UPDATE {table} SET cause = :cause WHERE reason = :reason")  # noqa: S608
                               .bindparams(cause=_cause(reason, exit_codes.get(reason)), reason=reason))


def _cause(reason: str, exit_code: int | None) -> str:
    if reason.startswith(_STOPPED):
        return "stopped"
    if exit_code == 3:
        return "recording"
    if _STORAGE.search(reason):
        return "storage"
    return _CAUSE_OF_EXIT.get(exit_code or 0, "infrastructure")
