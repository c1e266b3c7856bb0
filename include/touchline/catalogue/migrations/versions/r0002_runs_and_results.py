"""Runs with their stage times, and what they gave: actions and reels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of runs, stage times, actions and reels."""
    op.create_table(
        "runs",
        sa.Column("run_id", sa.String(250), primary_key=True),
        sa.Column("match_id", sa.String(64), sa.ForeignKey("matches.match_id", ondelete="CASCADE"), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("started_at_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_at_ms", sa.BigInteger),
    )
    op.create_index("runs_by_match", "runs", ["match_id"])
    op.create_table(
        "stage_times",
        sa.Column("run_id", sa.String(250), sa.ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("stage", sa.String(32), primary_key=True),
        sa.Column("part", sa.String(64), primary_key=True),
        sa.Column("wall_ms", sa.BigInteger, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("stats", sa.Text),
    )
    _make_results()


def downgrade() -> None:
    """Remove them; matches and recordings stay."""
    for name in ("reels", "actions", "stage_times", "runs"):
        op.drop_table(name)


def _make_results() -> None:
    match = sa.ForeignKey("matches.match_id", ondelete="CASCADE")
    op.create_table(
        "actions",
        sa.Column("match_id", sa.String(64), match, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("match_ms", sa.BigInteger, nullable=False),
        sa.Column("half", sa.Integer, nullable=False),
        sa.Column("position_ms", sa.BigInteger, nullable=False),
        sa.Column("label", sa.String(40), nullable=False),
        sa.Column("confidence", sa.Float, nullable=False),
        sa.Column("source", sa.String(16), nullable=False),
    )
    op.create_index("actions_by_label", "actions", ["label"])
    op.create_table(
        "reels",
        sa.Column("match_id", sa.String(64), sa.ForeignKey("matches.match_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("clips", sa.Integer, nullable=False),
        sa.Column("frames", sa.BigInteger, nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64)),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
    )
