"""How large and how fast is a reel? Like its first recording, within what plays everywhere."""

from __future__ import annotations

from fractions import Fraction

from touchline.domain.recording import Recording, VideoStream
from touchline.video.cut import ClipStyle

LONGEST_SIDE_PX = 1920
"""Full HD: larger reels gain little for film study and do not play on every tablet."""
_SMOOTHEST = Fraction(60)
_PLAUSIBLE = (Fraction(10), Fraction(240))
"""Real cameras; what lies outside is a container's fault (an FLV that claims 1000)."""
_USUAL = (Fraction(25), Fraction(30), Fraction(50), Fraction(60))
_FALLBACK = Fraction(30)


def choose_style(first: Recording, codec: str, crf: int, threads: int) -> ClipStyle:
    """The style of all clips of a match, whatever its other recordings are like: they are fitted into it."""
    width, height = reel_size(first.video.width, first.video.height)
    return ClipStyle(width, height, reel_rate(first.video), codec, crf, threads)


def reel_size(width: int, height: int) -> tuple[int, int]:
    """Even pixels, the longest side at most 1920, never enlarged: (3840, 2160) → (1920, 1080)."""
    scale = min(Fraction(1), Fraction(LONGEST_SIDE_PX, max(width, height)))
    return _even(width * scale), _even(height * scale)


def reel_rate(video: VideoStream) -> Fraction:
    """Frames per second: the recording's own up to 60, halved above it; a usual one where it varies or is absurd."""
    if not _PLAUSIBLE[0] <= video.fps <= _PLAUSIBLE[1]:
        return _FALLBACK
    if video.is_variable_rate:
        return min(_USUAL, key=lambda usual: abs(usual - video.fps))
    rate = video.fps
    while rate > _SMOOTHEST:
        rate /= 2
    return rate


def _even(pixels: Fraction) -> int:
    return max(2, round(pixels) // 2 * 2)
