"""What all attempts of a stage took together, and when the last one ended: from it come costs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add two columns to the stage times; what was noted before counts once, at the end of its run."""
    for name in ("spent_ms", "noted_at_ms"):
        op.add_column("stage_times", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE stage_times SET spent_ms = wall_ms, noted_at_ms = COALESCE((SELECT ended_at_ms FROM runs "
               "WHERE runs.run_id = stage_times.run_id), 0)")
    op.create_index("stage_times_by_time", "stage_times", ["noted_at_ms"])


def downgrade() -> None:
    """Remove them."""
    op.drop_index("stage_times_by_time", "stage_times")
    for name in ("noted_at_ms", "spent_ms"):
        op.drop_column("stage_times", name)
