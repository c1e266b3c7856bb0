"""A run of `nightly_backfill` has one day of the calendar, and makes its matches one by one in their pool."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest


@pytest.fixture(scope="module")
def stored(dags: dict[str, Any]) -> Any:
    """The DAG as the scheduler has it."""
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.from_dict(DagSerialization.to_dict(dags["nightly_backfill"]))


def test_a_backfill_has_a_run_for_each_day_before_the_dag_was_there_too(stored: Any) -> None:
    found = list(stored.iter_dagrun_infos_between(datetime(2025, 8, 30, tzinfo=UTC), datetime(2025, 9, 1, tzinfo=UTC)))
    assert [info.data_interval.start.date().isoformat() for info in found] == ["2025-08-30", "2025-08-31", "2025-09-01"]
    assert all(info.data_interval.end == info.data_interval.start.add(days=1) for info in found)


@pytest.mark.parametrize(("zone", "begins"), [
    ("Europe/Vienna", datetime(2026, 3, 28, 23, tzinfo=UTC)),  # the day on which summer time begins has 23 hours
    ("America/New_York", datetime(2026, 3, 29, 4, tzinfo=UTC)),
    ("", datetime(2026, 3, 29, tzinfo=UTC)),
    ("Mars/Olympus", datetime(2026, 3, 29, tzinfo=UTC)),
])
def test_its_days_are_those_of_the_people(zone: str, begins: datetime) -> None:
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction
    from pendulum import instance

    from touchline_airflow.backfill.schedule import every_midnight

    timetable = coerce_to_core_timetable(every_midnight({"TIMEZONE": zone}))
    restriction = TimeRestriction(instance(begins), None, catchup=True)
    info = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
    assert info and info.data_interval.start == begins
    again = timetable.next_dagrun_info(last_automated_data_interval=info.data_interval, restriction=restriction)
    assert again and again.data_interval.start == info.data_interval.end


def test_a_match_is_checked_and_made_in_the_pool_of_the_backfill(stored: Any) -> None:
    for name in ("check_recording", "make_match"):
        task = stored.get_task(name)
        assert task.pool == "backfill"
        assert task.get_closest_mapped_task_group() is not None
    assert stored.get_task("make_match").upstream_task_ids >= {"check_recording"}
    assert stored.get_task("tell_outcomes").trigger_rule == "all_done"


def test_the_trigger_comes_back_from_what_airflow_stores() -> None:
    from touchline_airflow.backfill.night import Night
    from touchline_airflow.backfill.turn import TurnTrigger

    path, arguments = TurnTrigger(Night(1, 2.0, None).plain()).serialize()
    module, _, name = path.rpartition(".")
    again = getattr(__import__(module, fromlist=[name]), name)(**arguments)
    assert again.serialize() == (path, arguments)
