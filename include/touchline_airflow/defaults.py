"""What do all our DAGs have in common?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

GPU_POOL = "gpu"
RENDER_POOL = "render"
TAGS = ("touchline",)
START_DATE = datetime(2026, 1, 1, tzinfo=UTC)

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "touchline",
    # Short first: most failures that a retry heals are a NAS that was away for seconds. 5 s, 20 s, 80 s.
    "retries": 3,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 4,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(minutes=15),
}
