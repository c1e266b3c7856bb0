from touchline.domain.run_id import (
    ingest_run_id,
    is_of_a_backfill,
    is_of_a_night,
    is_of_the_ingest,
    match_of_night,
    night_run_id,
)

MATCH = "cup-final-0123456789ab"


def test_who_started_a_run_is_told_by_its_id():
    ingested, at_night = ingest_run_id(MATCH, 2), night_run_id(MATCH, 1)
    assert (ingested, at_night) == (f"match__{MATCH}__2", f"nightly__{MATCH}__1")
    assert is_of_a_night(at_night) and is_of_a_backfill(at_night) and not is_of_the_ingest(at_night)
    assert is_of_the_ingest(ingested) and not is_of_a_night(ingested) and not is_of_a_backfill(ingested)
    assert is_of_a_backfill("backfill__2026-11-01T00:00:00+00:00")
    assert match_of_night(at_night) == MATCH
