"""Who may see the pages, and who may decide? Whoever may see runs of `process_match`, and whoever may start them.

Airflow protects nothing of a plugin by itself: every route of ours has one of these.
"""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from fastapi import Depends, Header, HTTPException, Request

from touchline_airflow.books.leases import PROCESS_MATCH

HEADER = "X-Touchline"
WATCHES = Depends(requires_access_dag("GET", DagAccessEntity.RUN, PROCESS_MATCH))
DECIDES = Depends(requires_access_dag("POST", DagAccessEntity.RUN, PROCESS_MATCH))


def from_our_page(request: Request, x_touchline: Annotated[str | None, Header()] = None) -> None:
    """Refuse a write that a stranger's page may have sent: its browser adds the cookie, but no header of its own.

    Who has a token of the API says so in a header as well, and is let through.
    """
    if x_touchline is None and not request.headers.get("authorization", "").lower().startswith("bearer "):
        raise HTTPException(403, f"send the header {HEADER}: 1")


def name_of(user: GetUserDep) -> str:
    """What reviews call the person."""
    return str(user.get_name())


Who = Annotated[str, Depends(name_of)]
