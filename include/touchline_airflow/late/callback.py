"""What does Airflow call when a run is late? Runs in the triggerer: it needs no worker and no slot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from touchline.errors import TouchlineError
from touchline_airflow.late import late_mail
from touchline_airflow.mail import send
from touchline_airflow.metrics.table import DEADLINES_MISSED

PAUSES_SEC = (30, 60, 120, 300, 600)
"""Until a mail server that is away is asked again: it is asked for almost 20 minutes."""

log = logging.getLogger(__name__)


async def tell_late(context: Mapping[str, Any]) -> str:
    """Tell that a run is late, unless it has ended meanwhile; returns what was done.

    Raises:
        TouchlineError: the mail did not go out; Airflow shows the callback as failed.
    """
    run, due = context["dag_run"], context["deadline"]["deadline_time"]
    missed = late_mail.Missed(run["dag_id"], run["dag_run_id"], run.get("conf") or {},
                         datetime.fromisoformat(due) if isinstance(due, str) else due)
    for pause_sec in (*PAUSES_SEC, None):
        outcome = await asyncio.to_thread(late_mail.tell_late, missed)
        if outcome != send.FAILED:
            return outcome or "the run has ended: nothing to tell"
        if pause_sec is not None:
            await asyncio.sleep(pause_sec)
    DEADLINES_MISSED.add(dag=missed.dag_id)
    raise TouchlineError(f"{missed.run_id} is late and the mail did not go out: see the lines above")
