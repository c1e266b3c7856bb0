"""When a recording last changed by the NAS's own clock, and since when it is gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
_COLUMNS = ("ctime_ns", "gone_since_ms")


def upgrade() -> None:
    """Add two columns to the recordings; nothing is known of them until the next look."""
    for name in _COLUMNS:
        op.add_column("recordings", sa.Column(name, sa.BigInteger))


def downgrade() -> None:
    """Remove them."""
    for name in reversed(_COLUMNS):
        op.drop_column("recordings", name)
