"""How long does a match of this length normally take here?"""

from __future__ import annotations

from statistics import median

from touchline.catalogue import runs
from touchline.settings import Settings

OVERHEAD_SEC = 60.0
"""What a run takes whatever its length: about 20 tasks that start, wait their turn and end."""
FIRST_RATE = 1.0
"""Run time by match time while nothing was published here: about what two CPU cores take."""
LEAST_RATE = 0.02
LOOK_BACK = 20


def expected_seconds(duration_ms: int, settings: Settings) -> float:
    """What a run for a match of this length normally takes, from the matches published last; half of them took longer.

    Raises:
        TouchlineError: the catalogue is away.
    """
    return OVERHEAD_SEC + duration_ms / 1000 * usual_rate(settings)


def usual_rate(settings: Settings) -> float:
    """Run time without the overhead, by match time."""
    found = [(took / 1000 - OVERHEAD_SEC) / (length / 1000)
             for length, took in runs.lengths_and_times(settings.catalogue_address, LOOK_BACK)]
    return max(LEAST_RATE, median(found)) if found else FIRST_RATE
