"""Which work goes first, told by the id of its run."""

from __future__ import annotations

from touchline.domain.run_id import ingest_run_id, night_run_id
from touchline_airflow.capacity.priorities import urgency

MATCH = "cup-final-0123456789ab"


def test_people_go_first_then_the_ingest_then_the_backfill() -> None:
    by_hand = "manual__2026-11-22T10:00:00+00:00"
    backfill = "backfill__2026-11-01T00:00:00+00:00"
    assert urgency(by_hand) > urgency(ingest_run_id(MATCH, 1)) > urgency(night_run_id(MATCH, 1)) == urgency(backfill)
