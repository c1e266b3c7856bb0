"""How does one get to Airflow: its REST API, its password, the names under which it answers?"""
