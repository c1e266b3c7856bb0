"""How does one machine run Airflow for touchline by itself, and how does nothing of it stay?"""
