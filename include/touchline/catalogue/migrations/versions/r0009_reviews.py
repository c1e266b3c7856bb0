"""What people decided about the actions of a match."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add a table."""
    op.create_table(
        "reviews",
        sa.Column("match_id", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("review_id", sa.String(64), nullable=False, unique=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("before_ms", sa.BigInteger),
        sa.Column("before_label", sa.String(40)),
        sa.Column("after_ms", sa.BigInteger),
        sa.Column("after_label", sa.String(40)),
        sa.Column("team", sa.String(8)),
        sa.Column("player", sa.Text),
        sa.Column("undoes", sa.String(64)),
    )


def downgrade() -> None:
    """Remove it; the reviews are in each backup and in the match folders (`reviews.json`)."""
    op.drop_table("reviews")
