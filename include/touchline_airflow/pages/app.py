"""The application: every route asks for a login, answers errors as problem+json, and sends a policy for browsers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from touchline.errors import CatalogueError, StorageError, TouchlineError, UsageError
from touchline_airflow.pages import html, rest
from touchline_airflow.pages.access import WATCHES
from touchline_airflow.pages.shown import NotThereError

POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
          "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'")
_PROBLEM = "application/problem+json"
_STATUS: tuple[tuple[type[TouchlineError], int], ...] = (
    (NotThereError, 404), (UsageError, 409), (StorageError, 503), (CatalogueError, 503))


def make_app() -> FastAPI:
    """The pages and the REST interface, without documentation pages of FastAPI's own: these ask for no login."""
    app = FastAPI(title="touchline", version="1", docs_url=None, redoc_url=None, openapi_url=None,
                  dependencies=[WATCHES])
    app.include_router(rest.router)
    app.include_router(html.router)
    app.add_exception_handler(TouchlineError, _failed)
    app.add_exception_handler(HTTPException, _refused)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, _invalid)  # type: ignore[arg-type]
    app.middleware("http")(_with_policy)
    return app


async def _with_policy(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await answer(request)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """RFC 9457."""
    return JSONResponse({"status": status, "detail": detail}, status, headers, media_type=_PROBLEM)


async def _failed(_: Request, error: Exception) -> Response:
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    return _problem(status, " ".join(str(error).split()))


async def _refused(_: Request, error: HTTPException) -> Response:
    return _problem(error.status_code, str(error.detail), dict(error.headers or {}))


async def _invalid(_: Request, error: RequestValidationError) -> Response:
    found = error.errors()[0]
    return _problem(422, f"{'.'.join(map(str, found['loc']))}: {found['msg']}")
