"""The pages as the API server mounts them: made at the first request.

Plugins load in the scheduler, in workers and in every task too; there the pages, and what they import, are not wanted.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI application."""
    await _app()(scope, receive, send)


@cache
def _app() -> ASGIApp:
    from touchline_airflow.pages.app import make_app

    return make_app()
