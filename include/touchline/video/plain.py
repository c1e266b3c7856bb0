"""How is a `Recording` written to a JSON file and read back? Fractions as "25/1"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from touchline.domain.recording import AudioStream, Recording, VideoStream
from touchline.errors import DamagedResultError


def recording_to_plain(recording: Recording) -> dict[str, Any]:
    """Dictionaries, numbers, texts and None only."""
    plain: dict[str, Any] = _fractions_to_text(asdict(recording))
    return plain


def recording_from_plain(plain: Mapping[str, Any]) -> Recording:
    """The inverse of `recording_to_plain`.

    Raises:
        DamagedResultError: a field is missing, unknown or has another type.
    """
    try:
        content = dict(plain)
        content["video"] = VideoStream(**_exact(content["video"], ("fps", "start_s")))
        content["audio"] = AudioStream(**_exact(content["audio"], ("start_s",))) if content["audio"] else None
        return Recording(**content)
    except (AttributeError, KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise DamagedResultError(f"the probe result holds no recording ({error}): run probe again") from None


def _exact(plain: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: Fraction(value) if name in names else value for name, value in plain.items()}


def _fractions_to_text(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _fractions_to_text(value) for name, value in content.items()}
    if isinstance(content, Fraction):
        return f"{content.numerator}/{content.denominator}"
    return content
