"""How touchline is kept at work by Airflow: the tasks of its DAGs and all that stands around them."""
