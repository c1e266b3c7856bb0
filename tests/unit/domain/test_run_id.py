from touchline.domain.run_id import ingest_run_id, is_of_a_night, match_of_night, night_run_id, urgency

MATCH = "cup-final-0123456789ab"


def test_who_started_a_run_is_told_by_its_id():
    ingested, at_night = ingest_run_id(MATCH, 2), night_run_id(MATCH, 1)
    assert (ingested, at_night) == (f"match__{MATCH}__2", f"nightly__{MATCH}__1")
    assert is_of_a_night(at_night) and not is_of_a_night(ingested)
    assert match_of_night(at_night) == MATCH


def test_people_go_first_then_the_ingest_then_the_backfill():
    by_hand = "manual__2026-11-22T10:00:00+00:00"
    backfill = "backfill__2026-11-01T00:00:00+00:00"
    assert urgency(by_hand) > urgency(ingest_run_id(MATCH, 1)) > urgency(night_run_id(MATCH, 1)) == urgency(backfill)
