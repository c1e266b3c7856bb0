"""How much would `nightly_backfill` take up tonight? Asked rarely, because it looks at every recording on the mount."""

from __future__ import annotations

import time
from collections.abc import Callable

from touchline.settings import Settings
from touchline_airflow.backfill.survey import Wish, survey
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.metrics.table import BACKFILL_PENDING

LOOK_EVERY_SEC = 600.0


class Pending:
    """Looks every ten minutes and sends in between what it saw last."""

    def __init__(self, settings: Settings, deployment: DeploymentSettings,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._deployment, self._clock = settings, deployment, clock
        self._seen: tuple[float, int] | None = None

    def sample(self) -> None:
        """Matches that a scheduled run would make."""
        if self._seen is None or self._clock() - self._seen[0] >= LOOK_EVERY_SEC:
            self._seen = None
            wish = Wish(outdated=self._deployment.backfill_outdated == "true")
            self._seen = self._clock(), len(survey(wish, self._settings, self._deployment.zone)[0])
        BACKFILL_PENDING.set(self._seen[1])
