"""The REST interface: matches, and what people decide about their actions."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

from touchline.catalogue import reviews
from touchline.catalogue.schema import MATCH_STATUSES
from touchline.domain.review import review_from_plain
from touchline.errors import UsageError
from touchline.settings import Settings
from touchline_airflow.pages import shown
from touchline_airflow.pages.access import DECIDES, Who, from_our_page

router = APIRouter(prefix="/api/v1")
MOST_MATCHES = 200
MatchId = Annotated[str, Field(max_length=64)]
Milliseconds = Annotated[int, Field(ge=0, le=86_400_000)]


class PlaceIn(BaseModel):
    """An action as it was shown."""

    model_config = ConfigDict(extra="forbid")
    match_ms: Milliseconds
    label: Annotated[str, Field(max_length=40)]


class JudgedIn(PlaceIn):
    """What it is."""

    team: Literal["home", "away"] | None = None
    player: Annotated[str, Field(min_length=1, max_length=60)] | None = None


class ReviewIn(BaseModel):
    """A decision; the same `review_id` may be sent again: it counts once."""

    model_config = ConfigDict(extra="forbid")
    review_id: Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
    before: PlaceIn | None = None
    after: JudgedIn | None = None
    undoes: Annotated[str, Field(max_length=64)] | None = None


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request) -> dict[str, Any]:
    """The description of this interface."""
    return dict(request.app.openapi())


@router.get("/matches")
def matches(status: Literal[MATCH_STATUSES] | None = None,  # type: ignore[valid-type]
            offset: Annotated[int, Query(ge=0, le=1 << 31)] = 0,
            limit: Annotated[int, Query(ge=1, le=MOST_MATCHES)] = 50) -> dict[str, Any]:
    """Matches, the latest first."""
    total, found = shown.listed(Settings.from_env(), status, offset, limit)
    return {"total": total, "matches": found}


@router.get("/matches/{match_id}")
def match(match_id: MatchId) -> dict[str, Any]:
    """A match with its actions, candidates, reels and reviews."""
    return shown.described(match_id, Settings.from_env())


@router.get("/matches/{match_id}/reviews")
def reviews_of(match_id: MatchId) -> dict[str, Any]:
    """All reviews of a match, in the order in which they came."""
    settings = Settings.from_env()
    shown.match_of(match_id, settings)
    return {"reviews": [shown.reviewed(one) for one in reviews.of_match(settings.catalogue_address, match_id)]}


@router.post("/matches/{match_id}/reviews", status_code=201, dependencies=[DECIDES, Depends(from_our_page)])
def review(match_id: MatchId, asked: ReviewIn, who: Who) -> dict[str, Any]:
    """Decide about an action: accept, reject, change or add it, or take a review back."""
    settings = Settings.from_env()
    if shown.match_of(match_id, settings).is_provisional:
        raise UsageError("this match is still being recorded: review it when it is whole")
    try:
        made = review_from_plain({**asked.model_dump(), "at_ms": 0, "who": who})
    except ValueError as error:
        raise UsageError(str(error)) from None
    return shown.reviewed(reviews.add(settings.catalogue_address, match_id, made))


@router.api_route("/matches/{match_id}/files/{name:path}", methods=["GET", "HEAD"])
def file(match_id: MatchId, name: str) -> FileResponse:
    """A file of the match folder; a video in ranges."""
    held = ExitStack()
    handle = held.enter_context(shown.opened(match_id, name, Settings.from_env()))
    # By its descriptor: what the path names may be another file by the time at which it is sent.
    return FileResponse(f"/proc/self/fd/{handle.fileno()}", media_type=shown.MEDIA_TYPES[name],
                        stat_result=os.fstat(handle.fileno()), background=BackgroundTask(held.close))
