"""What do all our DAGs have in common?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

GPU_POOL = "gpu"
RENDER_POOL = "render"
SCAN_POOL = "scan"
LIGHT_POOL = "light"
BACKFILL_POOL = "backfill"
TAGS = ("touchline",)
START_DATE = datetime(2026, 1, 1, tzinfo=UTC)

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "touchline",
    # Short first: most failures that a retry heals are a NAS that was away for seconds. At least 5, 15, 45 and 135 s,
    # at most twice that (Airflow adds up to 100 %): an absence of two minutes is always survived.
    "retries": 4,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 3,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(minutes=15),
    "weight_rule": "touchline_airflow.capacity.priorities.FinishFirst",
}
