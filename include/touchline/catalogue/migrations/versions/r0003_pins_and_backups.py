"""Which matches are pinned or prefetched, and which backups there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add two columns to the matches and make the table of backups."""
    op.add_column("matches", sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("matches", sa.Column("prefetched_on", sa.Text))
    op.create_table(
        "backups",
        sa.Column("backup_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("made_at_ms", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("checked_at_ms", sa.BigInteger),
        sa.Column("restored_at_ms", sa.BigInteger),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
    )
    op.create_index("backups_by_time", "backups", ["made_at_ms"])


def downgrade() -> None:
    """Remove them; matches stay."""
    op.drop_table("backups")
    for name in ("prefetched_on", "pinned"):
        op.drop_column("matches", name)
