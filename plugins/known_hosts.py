"""Puts `only_known_hosts` before all that the API server answers; the code: `touchline_airflow.access.known_hosts`."""

from airflow.plugins_manager import AirflowPlugin

from touchline_airflow.access.known_hosts import only_known_hosts


class KnownHosts(AirflowPlugin):
    """Who may ask."""

    name = "touchline_known_hosts"
    fastapi_root_middlewares = [{"name": "known hosts", "middleware": only_known_hosts}]  # noqa: RUF012 - as Airflow reads it
