"""Where is Airflow's own database, and what does it say of a run? Read without Airflow."""
