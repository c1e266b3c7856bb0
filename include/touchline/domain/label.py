"""Which labels can an action carry?"""

from __future__ import annotations

SOCCERNET_LABELS: tuple[str, ...] = (
    "Ball out of play",
    "Clearance",
    "Corner",
    "Direct free-kick",
    "Foul",
    "Goal",
    "Indirect free-kick",
    "Kick-off",
    "Offside",
    "Penalty",
    "Red card",
    "Shots off target",
    "Shots on target",
    "Substitution",
    "Throw-in",
    "Yellow card",
    "Yellow->red card",
)
"""The 17 classes of SoccerNet-v2 with their exact spelling."""

ADDED_LABELS: tuple[str, ...] = ("Save", "Goal kick")
"""What a goalkeeper reel needs and SoccerNet lacks."""

LABELS: tuple[str, ...] = SOCCERNET_LABELS + ADDED_LABELS


def find_label(text: str) -> str | None:
    """Return the label whose spelling matches `text` but for case and spaces around it, or None."""
    wanted = text.strip().casefold()
    return next((label for label in LABELS if label.casefold() == wanted), None)
