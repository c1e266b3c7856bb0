"""How is a failure stored in a row? In `reason` and `cause`, which every table that records failures has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from touchline.errors import INFRASTRUCTURE, Failure


def columns_of(failure: Failure | None) -> dict[str, str | None]:
    """Both columns; None where nothing failed."""
    return {"reason": failure.reason if failure else None, "cause": failure.cause if failure else None}


def failure_in(row: Mapping[str, Any]) -> Failure | None:
    """What a row says; None where nothing failed."""
    return Failure(row["cause"] or INFRASTRUCTURE, row["reason"]) if row["reason"] else None
