"""A match may have several recordings; a recording knows its length and content, for it waits for the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add one column to matches and two to recordings."""
    op.add_column("matches", sa.Column("sources", sa.Text))
    op.add_column("recordings", sa.Column("duration_ms", sa.BigInteger))
    op.add_column("recordings", sa.Column("fingerprint", sa.String(64)))


def downgrade() -> None:
    """Take them back; a release without them knows of a match its first recording, and checks again what waited."""
    op.execute(sa.text("UPDATE recordings SET status = 'waiting', checked_at_ms = NULL WHERE status = 'complete'"))
    op.drop_column("recordings", "fingerprint")
    op.drop_column("recordings", "duration_ms")
    op.drop_column("matches", "sources")
