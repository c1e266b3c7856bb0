"""How the catalogue's tables get from one release to the next, by Alembic."""
