"""Makes `Due` known to Airflow; the code is in `touchline_airflow.late.deadlines`."""

from airflow.plugins_manager import AirflowPlugin

from touchline_airflow.late.deadlines import Due


class Deadlines(AirflowPlugin):
    """When a run is late."""

    name = "touchline_deadlines"
    deadline_references = [Due]  # noqa: RUF012 - as Airflow reads it
