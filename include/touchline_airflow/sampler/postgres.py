"""How is PostgreSQL: its connections, and size, dead rows and slow statements of each database?"""

from __future__ import annotations

from sqlalchemy import text

from touchline.errors import TouchlineError
from touchline_airflow.databases.connection import Database, connecting
from touchline_airflow.metrics.table import DB_CONNECTIONS, DB_DEAD_ROWS, DB_MOST_CONNECTIONS, DB_SIZE, DB_SLOW

SLOW_MS = 1000
_ROWS = text("SELECT coalesce(sum(n_live_tup + n_dead_tup), 0), coalesce(sum(n_dead_tup) FILTER (WHERE n_dead_tup > "
             "current_setting('autovacuum_vacuum_threshold')::int), 0) FROM pg_stat_user_tables")


def sample_database(database: Database) -> None:
    """Size, and the share of its rows that wait for VACUUM; the few that autovacuum leaves in a table do not count."""
    with connecting(database) as connection:
        size = connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        rows, dead = connection.execute(_ROWS).one()
    DB_SIZE.set(size, database=database.name)
    DB_DEAD_ROWS.set(round(float(dead / max(rows, 1)), 4), database=database.name)


def sample_server(database: Database) -> None:
    """Its clients, ours included, and how many it allows."""
    with connecting(database) as connection:
        DB_CONNECTIONS.set(connection.execute(text("SELECT count(*) FROM pg_stat_activity "
                                                   "WHERE backend_type = 'client backend'")).scalar_one())
        DB_MOST_CONNECTIONS.set(int(connection.execute(text("SHOW max_connections")).scalar_one()))


def sample_slow(database: Database) -> None:
    """Statements of a database that take long on average, as far as pg_stat_statements remembers.

    The extension lies in the server's own database `postgres`: in ours it would be part of every backup, and only a
    superuser could restore it.

    Raises:
        TouchlineError: it is not there.
    """
    slow = text("SELECT count(*) FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid "
                "WHERE datname = :name AND mean_exec_time > :slow_ms")
    with connecting(database, maintenance=True) as connection:
        if connection.execute(text("SELECT to_regclass('pg_stat_statements')")).scalar() is None:
            raise TouchlineError("the database postgres has no pg_stat_statements: preload that library and run "
                                 "CREATE EXTENSION pg_stat_statements there, as docker/airflow/init.py does")
        found = connection.execute(slow, {"name": database.parsed.database, "slow_ms": SLOW_MS}).scalar_one()
    DB_SLOW.set(found, database=database.name)
