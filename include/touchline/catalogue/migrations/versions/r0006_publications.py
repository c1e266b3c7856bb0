"""How long a run worked, gaps apart, and which published results were counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add three columns to the runs, and a table with the first published run of each match: that was counted."""
    op.add_column("runs", sa.Column("working_since_ms", sa.BigInteger))
    op.add_column("runs", sa.Column("worked_ms", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("failure_counted", sa.Boolean, nullable=False, server_default=sa.false()))
    op.execute("UPDATE runs SET working_since_ms = started_at_ms WHERE status = 'running'")
    op.execute("UPDATE runs SET worked_ms = ended_at_ms - started_at_ms WHERE ended_at_ms IS NOT NULL")
    op.execute(sa.text("UPDATE runs SET failure_counted = :yes WHERE status = 'failed'").bindparams(yes=True))
    _make_publications()


def downgrade() -> None:
    """Remove them."""
    op.drop_table("publications")
    for name in ("failure_counted", "worked_ms", "working_since_ms"):
        op.drop_column("runs", name)


def _make_publications() -> None:
    op.create_table(
        "publications",
        sa.Column("match_id", sa.String(64), sa.ForeignKey("matches.match_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("manifest", sa.String(64), primary_key=True),
        sa.Column("run_id", sa.String(250), nullable=False),
        sa.Column("published_at_ms", sa.BigInteger, nullable=False),
        sa.Column("worked_ms", sa.BigInteger, nullable=False),
        sa.Column("is_whole", sa.Boolean, nullable=False),
        sa.Column("conditions", sa.String(16), nullable=False),
    )
    op.create_index("publications_by_time", "publications", ["published_at_ms"])
    # The first published run did the work; which manifest and which settings it had is not known any more.
    op.execute(sa.text(
        "INSERT INTO publications (match_id, manifest, run_id, published_at_ms, worked_ms, is_whole, conditions) "
        "SELECT match_id, '', run_id, ended_at_ms, worked_ms, :yes, '' FROM runs "
        "WHERE status = 'published' AND ended_at_ms IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs earlier "
        "WHERE earlier.match_id = runs.match_id AND earlier.status = 'published' AND earlier.ended_at_ms IS NOT NULL "
        "AND (earlier.started_at_ms, earlier.run_id) < (runs.started_at_ms, runs.run_id))").bindparams(yes=True))
