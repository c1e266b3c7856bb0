"""Which routes does the API server have? Run inside its container; prints a JSON list of [method, path, kind]."""

import json

from airflow.api_fastapi.app import cached_app
from airflow.providers.fab.www.app import create_app as create_flask_app


def routes(app, prefix=""):
    for route in app.routes:
        path = prefix + getattr(route, "path", "")
        inner = getattr(route, "app", None)
        if hasattr(route, "methods") and route.methods:
            yield from ((method, path, "fastapi") for method in route.methods)
        elif hasattr(inner, "routes"):
            yield from routes(inner, path)
        elif hasattr(route, "routes") and route.routes:
            yield from routes(route, path)
        else:
            yield ("GET", path + "/", type(inner).__name__)


app = cached_app(apps="all")
found = list(routes(app))
flask = create_flask_app(enable_plugins=False)
found += [(method, "/auth" + rule.rule, "flask") for rule in flask.url_map.iter_rules() for method in rule.methods]
mounted = [(route.path, getattr(route, "app", None)) for route in app.routes]
apps = [("", app), *((path, one) for path, one in mounted if hasattr(one, "openapi"))]
documented = [(method.upper(), prefix + path, "openapi") for prefix, one in apps
              for path, methods in one.openapi()["paths"].items() for method in methods]
print("ROUTES" + json.dumps([found, documented]))
