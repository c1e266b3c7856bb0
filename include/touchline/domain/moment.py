"""How long ago was a moment that was written down? By a clock that may have been set back since then."""

from __future__ import annotations


def elapsed_ms(since_ms: int, now_ms: int) -> int:
    """Milliseconds from then to now, never negative: a moment in the future counts as now.

    A clock runs ahead at boot until it is set by the network, and machines differ a little.
    """
    return max(0, now_ms - since_ms)
