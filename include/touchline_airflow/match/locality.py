"""Would another machine do this with less reading from the NAS?

Delay scheduling (Zaharia et al., EuroSys 2010): a task that lands on a machine without its data steps back a few times
for a moment, and is then done wherever it is. Nothing is pinned: a machine that died holds nothing up.
"""

from __future__ import annotations

from touchline.catalogue import matches
from touchline.domain.step_table import Need, step_named
from touchline.settings import Settings
from touchline_airflow.match.copying import has_copies, slow_rate

PATIENCE = 3
STEP_BACK_SEC = 2.0


def better_host(step: str, match_id: str, settings: Settings, host: str, stepped_back: int) -> str | None:
    """Name of the machine that has the copy of the recording, where this one would read a slow NAS; else None.

    `stepped_back`: how often the task did so already; after three times any machine is right.
    """
    if Need.COPY not in step_named(step).needs or stepped_back >= PATIENCE or slow_rate(settings, host) is None:
        return None
    match = matches.find(settings.catalogue_address, match_id)
    if match is None or match.prefetched_on in (None, host) or has_copies(match_id, settings):
        return None
    return match.prefetched_on
