"""Alembic's entry: runs the revisions on the connection that `migrate.py` hands over."""

from __future__ import annotations

from alembic import context

from touchline.catalogue.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
