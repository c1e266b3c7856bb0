"""The way of the catalogue's tables from one release to the next, by Alembic."""
