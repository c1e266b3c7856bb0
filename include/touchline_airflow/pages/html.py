"""The pages themselves, and the few files that they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader

from touchline.domain.label import LABELS
from touchline.settings import Settings
from touchline_airflow.pages import shown
from touchline_airflow.pages.rest import MOST_MATCHES, MatchId
from touchline_airflow.pages.shown import NotThereError

router = APIRouter(include_in_schema=False)
_HERE = Path(__file__).parent
_STATIC = {path.name: path for path in (_HERE / "static").iterdir()}
_TEMPLATES = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=True)


@router.get("/")
def matches() -> HTMLResponse:
    """The list of matches."""
    total, found = shown.listed(Settings.from_env(), None, 0, MOST_MATCHES)
    return _page("matches.html", matches=found, total=total)


@router.get("/matches/{match_id}/")
def match(match_id: MatchId) -> HTMLResponse:
    """One match: watch, review."""
    found = shown.match_of(match_id, Settings.from_env())
    return _page("match.html", match=shown.headline(found), labels=LABELS)


@router.get("/static/{name}")
def static(name: str) -> FileResponse:
    """Style, scripts and pictures."""
    if name not in _STATIC:
        raise NotThereError("there is no such file")
    return FileResponse(_STATIC[name])


def _page(template: str, **values: Any) -> HTMLResponse:
    return HTMLResponse(_TEMPLATES.get_template(template).render(**values))
