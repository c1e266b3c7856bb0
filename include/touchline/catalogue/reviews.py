"""What did people decide about the actions of a match? Decisions are added, never changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import RowMapping, func, select

from touchline.catalogue.connection import now_ms, reading, writing
from touchline.catalogue.schema import matches, reviews
from touchline.domain.review import Judged, Place, Review
from touchline.errors import UsageError

MOST_REVIEWS = 20_000
"""Of one match."""


def add(url: str, match_id: str, review: Review) -> Review:
    """Write a review down; returns it with the time at which it counts, which is never before that of an earlier one.

    The same review (by its id) may come again: it is there once.

    Raises:
        UsageError: there is no such match, the id is that of another review, or the match has too many.
    """
    with writing(url) as connection:
        locked = select(matches.c.match_id).where(matches.c.match_id == match_id).with_for_update()
        if connection.execute(locked).first() is None:
            raise UsageError(f"there is no match {match_id}")
        found = connection.execute(select(reviews).where(reviews.c.review_id == review.review_id)).mappings().first()
        if found is not None:
            stored = _review(found)
            if found["match_id"] != match_id or replace(stored, at_ms=review.at_ms) != review:
                raise UsageError(f"review {review.review_id} is there already, and is another one")
            return stored
        latest = select(func.max(reviews.c.number), func.max(reviews.c.at_ms)).where(reviews.c.match_id == match_id)
        number, at_ms = connection.execute(latest).one()
        if (number or 0) >= MOST_REVIEWS:
            raise UsageError(f"{match_id} has {MOST_REVIEWS:,} reviews: no more are taken")
        counted = replace(review, at_ms=max(now_ms(), at_ms or 0))
        connection.execute(reviews.insert().values(match_id=match_id, number=(number or 0) + 1, **_row(counted)))
        return counted


def of_match(url: str, match_id: str) -> list[Review]:
    """All reviews of a match, in the order in which they came."""
    wanted = select(reviews).where(reviews.c.match_id == match_id).order_by(reviews.c.number)
    with reading(url) as connection:
        return [_review(row) for row in connection.execute(wanted).mappings()]


def _row(review: Review) -> dict[str, Any]:
    before, after = review.before, review.after
    return {
        "review_id": review.review_id, "at_ms": review.at_ms, "who": review.who, "undoes": review.undoes,
        "before_ms": before and before.match_ms, "before_label": before and before.label,
        "after_ms": after and after.match_ms, "after_label": after and after.label,
        "team": after and after.team, "player": after and after.player,
    }


def _review(row: RowMapping) -> Review:
    before = None if row["before_label"] is None else Place(row["before_ms"], row["before_label"])
    after = None if row["after_label"] is None else Judged(row["after_ms"], row["after_label"], row["team"],
                                                           row["player"])
    return Review(row["review_id"], row["at_ms"], row["who"], before, after, row["undoes"])
