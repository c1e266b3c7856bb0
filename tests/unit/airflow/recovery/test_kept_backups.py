"""The right backups are kept, and the newest is the one made last, whatever the clock says."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from touchline.catalogue import backups as rows
from touchline_airflow.recovery import keep_backups
from touchline_airflow.recovery.backup import KEPT, SUMS, Backup, Sources, backups, make_backup, promote, superfluous
from unit.airflow.backup_place import NOON, fake


def keep(there: list[Backup], made: Backup) -> tuple[list[Backup], list[Backup]]:
    """As every hour: what is promoted beside it, and what is there afterwards; here nothing is read back."""
    (made.root / SUMS).write_text("")
    promoted = promote(made, there)
    there = [*there, made, *promoted]
    gone = superfluous(there)
    assert not {each.root for each in gone} & {each.root for each in (made, *promoted)}
    for each in gone:
        shutil.rmtree(each.root)
    return promoted, [each for each in there if each not in gone]


def test_the_first_of_a_day_and_of_a_week_are_promoted(place: Path) -> None:
    kinds, there = [], list[Backup]()
    for hour in range(24 * 15):  # from a Wednesday noon over two Mondays
        moment = NOON + timedelta(hours=hour)
        promoted, there = keep(there, fake(place, f"hourly-{moment:%Y%m%dT%H%M%SZ}"))
        kinds += [(each.kind, each.made_at) for each in promoted]
    weekly = [moment for kind, moment in kinds if kind == "weekly"]
    assert weekly == [NOON, datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 16, tzinfo=UTC)]
    assert len([kind for kind, _ in kinds if kind == "daily"]) == 16


def test_a_year_of_backups_keeps_the_newest_of_each_kind(place: Path) -> None:
    there: list[Backup] = []
    for hour in range(24 * 36):
        moment = NOON + timedelta(hours=hour)
        kinds = ["hourly", *(["daily"] if moment.hour == 0 else []),
                 *(["weekly"] if moment.hour == 0 and moment.weekday() == 0 else [])]
        there += [fake(place, f"{kind}-{moment:%Y%m%dT%H%M%SZ}") for kind in kinds]
        gone = superfluous(there)
        there = [each for each in there if each not in gone]
        assert max(there, key=lambda each: each.made_at).made_at == moment
    assert {kind: sum(each.kind == kind for each in there) for kind in KEPT} == KEPT


def test_one_made_by_hand_and_the_newest_whole_one_always_stay(place: Path) -> None:
    old = fake(place, "manual-20200101T000000Z")
    whole = fake(place, "hourly-20260101T000000Z")
    broken = [fake(place, f"hourly-202602{day:02}T000000Z", whole=False) for day in range(1, 28)]
    gone = superfluous([old, whole, *broken])
    assert old not in gone and whole not in gone
    # Those that are not whole do not count, so nothing whole is lost for them.
    assert gone == []
    newer = [fake(place, f"hourly-202603{day:02}T000000Z") for day in range(1, 26)]
    gone = superfluous([old, whole, *broken, *newer])
    assert whole in gone and set(broken) <= set(gone) and newer[0] in gone and newer[1] not in gone


# --- Whatever the clock says ----------------------------------------------------------------------------------------

YEAR, DAY, HOUR = timedelta(days=365), timedelta(days=1), timedelta(hours=1)


@pytest.mark.parametrize("offsets", [
    [YEAR, timedelta(0)], [-YEAR, timedelta(0)], [YEAR, -YEAR, timedelta(0)],
    [timedelta(0), YEAR, -YEAR, 2 * YEAR, timedelta(0), -DAY]])
def test_the_newest_is_the_one_that_was_made_last(sources: Sources, place: Path, offsets: list[timedelta]) -> None:
    made = [make_backup(sources, place, now=NOON + number * HOUR + offset) for number, offset in enumerate(offsets)]
    assert [each.root for each in backups(place)] == [each.root for each in reversed(made)]
    assert keep_backups.newest_backup(place).root == made[-1].root
    assert superfluous(backups(place)) == []


def test_nothing_that_is_needed_goes_for_a_wrong_clock_and_all_else_goes_in_the_end(place: Path) -> None:
    """One every three hours; on some days the clock is wrong for one of them, on one for two. The real time counts."""
    wrong = {24 * 3: YEAR, 24 * 5: -YEAR, 24 * 6 + 3: -YEAR, 24 * 9: 2 * YEAR, 24 * 9 + 3: 2 * YEAR}
    real: dict[str, int] = {}
    there: list[Backup] = []
    for number, hour in enumerate(range(0, 24 * 38, 3), start=1):
        moment = NOON + hour * HOUR + wrong.get(hour, timedelta(0))
        promoted, there = keep(there, made := fake(place, f"hourly-{moment:%Y%m%dT%H%M%SZ}", number=number))
        real.update({each.root.name: hour for each in (made, *promoted)})
        kept = {kind: sorted(real[each.root.name] for each in there if each.kind == kind) for kind in KEPT}
        assert kept["hourly"] == list(range(max(0, hour - 23 * 3), hour + 1, 3))
        # A wrong date makes a day and a week of its own, which take the place of one each for a while.
        assert len({each // 24 for each in kept["daily"]}) >= min(KEPT["daily"], hour // 24 + 1) - 4
        assert len(kept["weekly"]) >= min(KEPT["weekly"], hour // 168 + 1)
    assert {kind: len(hours) for kind, hours in kept.items()} == KEPT
    assert [each for each in there if each.made_at != NOON + real[each.root.name] * HOUR] == []


def test_the_days_are_kept_also_after_a_week_with_the_clock_a_week_ahead(place: Path) -> None:
    there, days = list[Backup](), set[int]()
    for hour in range(24 * 14):
        offset = 7 * DAY if hour < 24 * 7 else timedelta(minutes=1)
        made = fake(place, f"hourly-{NOON + hour * HOUR + offset:%Y%m%dT%H%M%SZ}", number=hour + 1)
        promoted, there = keep(there, made)
        days |= {hour // 24 for each in promoted if each.kind == "daily"}
    assert days == set(range(14))


def test_backups_of_before_there_were_numbers_are_older_than_any_with_one(place: Path) -> None:
    old = [fake(place, f"hourly-{year}0304T120000Z") for year in (2027, 2025, 2026)]
    made = fake(place, "hourly-20260304T130000Z", number=1)
    assert [each.root for each in backups(place)] == [each.root for each in (made, old[0], old[2], old[1])]
    newer = [fake(place, f"hourly-20260305T{hour:02}0000Z", number=2 + hour) for hour in range(23)]
    assert {each.root for each in superfluous([*old, made, *newer])} == {each.root for each in old}


def test_a_wrong_clock_is_said_in_one_line(sources: Sources, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = list[str]()
    make_backup(sources, place, now=datetime.now(UTC) + YEAR)
    keep_backups.take_backup(sources, place, said.append)
    [line] = [line for line in said if line.startswith("WARNING")]
    assert "bears an earlier date than" in line and "\n" not in line
    keep_backups.take_backup(sources, place, said.append)
    assert len([line for line in said if line.startswith("WARNING")]) == 1


def test_two_of_one_moment_have_names_of_their_own(sources: Sources, place: Path) -> None:
    fake(place, "weekly-20260304T120000Z", number=3)  # of which the hourly one is gone
    first, second = (make_backup(sources, place, now=NOON) for _ in range(2))
    assert (first.root.name, second.root.name) == ("hourly-20260304T120001Z", "hourly-20260304T120002Z")
    assert [each.number for each in (first, second)] == [4, 5]


def test_a_trial_in_the_future_does_not_count(sources: Sources, place: Path) -> None:
    address = sources.settings.catalogue_address
    made = keep_backups.take_backup(sources, place, lambda _: None)
    rows.update(address, made.root.name, restored_at_ms=round((datetime.now(UTC) + YEAR).timestamp() * 1000))
    assert keep_backups.trial_is_due(sources)
    keep_backups.take_trial(sources, place, lambda _: None)
    assert not keep_backups.trial_is_due(sources)
