"""Match pages in Airflow's UI, and the same by REST."""
