"""What must be there before Airflow starts? The stack's service `init`: runs once, may run any number of times.

Two databases, each with a role of its own, whose passwords become those of the secret files; the tables of both; pools,
connections and variables; the first user; the account by which touchline uses Airflow's API.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psycopg2
from psycopg2 import sql
from sqlalchemy import URL, make_url

SECRETS = Path("/run/secrets")
PATIENCE_SEC = 60
SERVICE = "touchline"
SERVICE_MAY = [*((action, "Pools") for action in ("can_read", "can_edit", "can_create")),
               *(("can_read", what) for what in ("DAGs", "DAG Runs", "Task Instances"))]


def main() -> None:
    """All steps in order; each says what it did."""
    check_settings()
    urls = [make_url(secret(name)) for name in ("airflow_database_url", "catalogue_url")]
    for url in urls:
        provide_database(url)
    provide_statistics(urls[0])
    subprocess.run(["airflow", "db", "migrate"], check=True)
    migrate_catalogue(secret("catalogue_url"))
    apply_settings()
    provide_users()
    print("init: done", flush=True)


def check_settings() -> None:
    """A setting that would keep a component of Airflow from starting is named here, in one line."""
    from touchline.errors import SettingError
    from touchline_airflow.deployment import DeploymentSettings

    try:
        _ = DeploymentSettings.from_env().host_names
    except SettingError as error:
        sys.exit(f"init: {error}")


def secret(name: str) -> str:
    """The content of a secret file."""
    return (SECRETS / name).read_text().strip()


def provide_database(url: URL) -> None:
    """The role, its password and its database; no other role may connect to it."""
    role, database = sql.Identifier(url.username or ""), sql.Identifier(url.database or "")
    connection = connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (url.username,))
        verb = "ALTER" if cursor.fetchone() else "CREATE"
        # CREATEDB: a backup is tried by restoring it into a database beside this one.
        cursor.execute(sql.SQL(f"{verb} ROLE {{}} LOGIN CREATEDB PASSWORD %s").format(role), (url.password,))
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (url.database,))
        if not cursor.fetchone():
            made = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'")
            cursor.execute(made.format(database, role))
        cursor.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(database))
    connection.close()
    print(f"init: database {url.database}, role {url.username}", flush=True)


def provide_statistics(url: URL) -> None:
    """Let all roles see which statements are slow; in the server's own database, so that no backup holds it."""
    connection = connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    connection.close()
    print("init: pg_stat_statements", flush=True)


def connect(url: URL) -> psycopg2.extensions.connection:
    """As PostgreSQL's superuser, waiting for it."""
    deadline = time.monotonic() + PATIENCE_SEC
    while True:
        try:
            return psycopg2.connect(host=url.host, port=url.port or 5432, user="postgres",
                                    password=secret("postgres_password"), dbname="postgres")
        except psycopg2.OperationalError as error:
            if time.monotonic() > deadline:
                sys.exit(f"init: PostgreSQL does not let us in: {' '.join(str(error).split())}")
            time.sleep(1)


def migrate_catalogue(url: str) -> None:
    """The catalogue's tables are those of this release."""
    from touchline.catalogue.migrate import bring_up

    bring_up(url)
    print("init: catalogue", flush=True)


def apply_settings() -> None:
    """airflow_settings.yaml, and the connection by which tasks use Airflow's API."""
    import os

    from touchline_airflow import airflow_settings

    settings = airflow_settings.read_settings(airflow_settings.SETTINGS_FILE, os.environ)
    access = {"connections": [{
        "conn_id": "touchline_api", "conn_type": "http", "conn_host": "api-server", "conn_port": 8080,
        "conn_login": SERVICE, "conn_password": secret("service_password"),
        "conn_description": "Airflow's own API: pools, and work that is stuck."}], "pools": [], "variables": []}
    for line in (*airflow_settings.apply_settings(settings), *airflow_settings.apply_settings(access, overwrite=True)):
        print(f"init: {line}", flush=True)


def provide_users() -> None:
    """The first user, and the service account, which may look at runs and tasks, and change pools."""
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
    from airflow.utils.providers_configuration_loader import providers_configuration_loaded

    @providers_configuration_loaded
    def provide() -> None:
        with get_application_builder() as builder:
            manager = builder.sm
            manager.bulk_sync_roles([{"role": SERVICE, "perms": SERVICE_MAY}])
            for name, role in (("admin", "Admin"), (SERVICE, SERVICE)):
                password = secret("admin_password" if name == "admin" else "service_password")
                user = manager.find_user(username=name) or manager.add_user(
                    name, name, SERVICE, f"{name}@touchline.invalid", manager.find_role(role), password)
                if not user:
                    sys.exit(f"init: the user {name} could not be made")
                manager.reset_password(user.id, password)
                print(f"init: user {name}, role {role}", flush=True)

    provide()


if __name__ == "__main__":
    main()
