"""What did a film not show or let hear, and what does that mean for what was found? In words for a coach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FEW_PEOPLE = 5
"""People in the usual step: with 7 of 10 of those on the pitch missed, a first prototype lost 0.23 of its 0.56."""
LITTLE_BALL = 0.05
LITTLE_CAMERA = 0.8
"""On ten real clips the move is known in 0.99 of the steps."""


def what_was_lacking(seen: Mapping[str, Any]) -> list[str]:
    """Sentences about `seen` of `actions.json`; none for a film that shows all that touchline reads."""
    told = {
        "There is no sound, or nothing in it rises: goals are told by the picture alone.": not seen["sound"],
        f"Few people were seen, {seen['people']} at a time: the camera is too far or straight above, or the film is "
        "dark. Not much can be found like this.": seen["people"] < FEW_PEOPLE,
        f"The ball was hardly ever seen ({_percent(seen['ball'])} of the time).": seen["ball"] < LITTLE_BALL,
        f"The camera could be followed in {_percent(seen['camera'])} of the time only.": seen["camera"] < LITTLE_CAMERA,
        "The teams’ shirts could not be told apart.": not seen["teams"],
        "No score was read in the picture: a goal is not checked against it.": not seen["score"],
    }
    return [sentence for sentence, is_so in told.items() if is_so]


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"
