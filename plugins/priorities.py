"""Makes `FinishFirst` known to Airflow; the code is in `touchline_airflow.capacity.priorities`."""

from airflow.plugins_manager import AirflowPlugin

from touchline_airflow.capacity.priorities import FinishFirst


class Priorities(AirflowPlugin):
    """Which work goes first."""

    name = "touchline_priorities"
    priority_weight_strategies = [FinishFirst]  # noqa: RUF012 - as Airflow reads it
