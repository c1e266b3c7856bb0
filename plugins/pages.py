"""Shows the match pages in Airflow's UI; the code is in `touchline_airflow.pages`."""

from airflow.plugins_manager import AirflowPlugin

from touchline_airflow.pages.entry import pages


class Pages(AirflowPlugin):
    """Watch and review matches."""

    name = "touchline_pages"
    fastapi_apps = [{"app": pages, "url_prefix": "/touchline", "name": "touchline"}]  # noqa: RUF012 - as Airflow reads it
    external_views = [{  # noqa: RUF012 - as Airflow reads it
        "name": "Matches", "href": "touchline/", "destination": "nav", "url_route": "matches", "nav_top_level": True,
        "icon": "/touchline/static/matches.svg"}]
