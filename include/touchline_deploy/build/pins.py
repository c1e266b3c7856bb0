"""Which images of others do we take, and does somebody have to look at that choice again? docker/images.env says it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from touchline_airflow.checkout import ROOT

IMAGES = ROOT / "docker" / "images.env"
OLD = timedelta(days=365)
_PIN = re.compile(r"^# .*Looked at (\S+), until (.+)\.\n([A-Z_]+_IMAGE)=(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """One image: when somebody last looked at it, and the last day of its security releases, where that is known."""

    name: str
    image: str
    looked_at: date
    until: date | None


def pins(path: Path = IMAGES) -> list[Pin]:
    """All images of the file, in its order."""
    return [Pin(name, image, date.fromisoformat(looked_at), _day(until))
            for looked_at, until, name, image in _PIN.findall(path.read_text())]


def image_names(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Image by variable, as the compose files ask for it; a variable that is set in the environment wins."""
    environ = os.environ if environ is None else environ
    return {pin.name: environ.get(pin.name) or pin.image for pin in pins()}


def to_look_at(chosen: Sequence[Pin], today: date) -> list[str]:
    """One line for each image that nobody looked at for a year, or that gets no security releases any more."""
    return [f"docker/images.env: {pin.image}: {reason}; choose a version that gets security releases, and write the "
            "day beside it" for pin in chosen if (reason := _reason(pin, today))]


def _reason(pin: Pin, today: date) -> str:
    if pin.until and today > pin.until:
        return f"gets no security releases since {pin.until}"
    return f"was last looked at on {pin.looked_at}" if today - pin.looked_at > OLD else ""


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text[:1].isdigit() else None
