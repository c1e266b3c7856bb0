"""The code that imports airflow: operators, sensors, triggers, and what the DAG files share."""
