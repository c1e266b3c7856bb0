"""A match of several recordings: it waits for them, is made once, and is opened again by one that comes later."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from support.nas_files import drop
from touchline.catalogue import matches, recordings, runs
from touchline.catalogue.connection import now_ms
from touchline.catalogue.matches import Match
from touchline.domain.run_id import ingest_run_id
from touchline.settings import Settings
from touchline_airflow.ingest import register, standing_still
from touchline_airflow.ingest.all_recordings import some_wait
from touchline_airflow.match.request import find_match, read_order, request_of

SECOND = 1000
HALVES = ("reds 1st half.mp4", "reds 2nd half.mp4")


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    (own_settings.nas_mount_path / "notes.txt").write_text("the mount is there")
    return dataclasses.replace(own_settings, watch_stable_time_sec=1, watch_more_sec=900)


def take(settings: Settings) -> list[str]:
    """What stands still is checked and registered; what the ingest says."""
    said: list[str] = []
    moment = now_ms()
    standing_still.find_due(settings, moment)
    due = standing_still.find_due(settings, moment + 2 * SECOND)
    register.register_recordings(dict.fromkeys(due, 60_000), settings, said.append)
    return said


def wait(settings: Settings, name: str, seconds: int = 1000) -> None:
    """As if the recording had stood still for these seconds."""
    recordings.update(settings.catalogue_address, str(settings.nas_mount_path / name),
                      still_since_ms=now_ms() - seconds * SECOND)


def row(settings: Settings, name: str) -> recordings.SeenRecording:
    found = recordings.find(settings.catalogue_address, str(settings.nas_mount_path / name))
    assert found is not None
    return found


def names(match: Match) -> list[str]:
    return [Path(source.path).name for source in match.sources]


def made(settings: Settings) -> list[list[str]]:
    return [names(match) for match in matches.every(settings.catalogue_address)]


def made_of_the_first_half(settings: Settings) -> Match:
    drop(settings, HALVES[0], "one")
    take(settings)
    wait(settings, HALVES[0])
    take(settings)
    [match] = matches.every(settings.catalogue_address)
    return match


def test_a_first_half_waits_for_the_second_and_is_made_alone_where_none_comes(settings: Settings) -> None:
    drop(settings, HALVES[0], "one")
    assert take(settings) == [] and made(settings) == []
    assert row(settings, HALVES[0]).reason == ("more recordings of the same match may follow: it is made 900 s after "
                                               "the last")
    assert some_wait(settings)
    wait(settings, HALVES[0])
    take(settings)
    assert made(settings) == [[HALVES[0]]] and row(settings, HALVES[0]).reason is None


def test_both_halves_are_one_match_in_the_order_of_play(settings: Settings) -> None:
    for name, content in zip(reversed(HALVES), ("two", "one"), strict=True):
        drop(settings, name, content)
    take(settings)
    for name in HALVES:
        wait(settings, name)
    said = take(settings)
    [match] = matches.every(settings.catalogue_address)
    assert names(match) == list(HALVES) and match.duration_ms == 120_000 and len(said) == 2
    assert {row(settings, name).match_id for name in HALVES} == {match.match_id}
    conf = register.run_conf(match, settings)
    assert [Path(conf["recording"]).name, *(Path(path).name for path in conf["more_recordings"])] == list(HALVES)
    request = find_match(read_order(conf, settings), settings)
    assert request.match_id == match.match_id and len(request.fingerprints) == 2
    assert request_of(match.match_id, {}, settings) == request


def test_a_file_named_done_and_a_list_in_match_toml_need_no_waiting(settings: Settings) -> None:
    for name, content in zip(HALVES, ("one", "two"), strict=True):
        drop(settings, f"cup/{name}", content)
        drop(settings, f"league/{name}", f"league {content}")
    drop(settings, "cup/.done", "")
    drop(settings, "league/match.toml", f'recordings = ["{HALVES[0]}", "{HALVES[1]}"]')
    take(settings)
    assert made(settings) == [list(HALVES), list(HALVES)]


def test_a_part_that_match_toml_names_is_waited_for(settings: Settings) -> None:
    drop(settings, "cup/match.toml", 'recordings = ["a.mp4", "b.mp4"]')
    drop(settings, "cup/a.mp4", "one")
    take(settings)
    assert made(settings) == [] and "names b.mp4, which is not beside it" in (row(settings, "cup/a.mp4").reason or "")
    drop(settings, "cup/b.mp4", "two")
    take(settings)
    assert made(settings) == [["a.mp4", "b.mp4"]]


def test_a_part_that_is_still_copied_or_bad_holds_the_match_back(settings: Settings) -> None:
    for name, content in zip(HALVES, ("one", "two"), strict=True):
        drop(settings, name, content)
    first, second = (str(settings.nas_mount_path / name) for name in HALVES)
    standing_still.find_due(settings, now_ms() - 5 * SECOND)
    register.register_recordings({first: 60_000}, settings, print)
    assert row(settings, HALVES[0]).reason == f"{HALVES[1]}, of the same match, is not complete yet"
    recordings.update(settings.catalogue_address, second, status="bad", reason="there is no picture in it")
    register.register_recordings({}, settings, print)
    assert row(settings, HALVES[0]).reason == f"{HALVES[1]}, of the same match, is bad: there is no picture in it"
    assert made(settings) == []


def test_a_second_half_that_comes_later_opens_the_match_again(settings: Settings) -> None:
    before = made_of_the_first_half(settings)
    address, first_run = settings.catalogue_address, ingest_run_id(before.match_id, 1)
    runs.begin(address, first_run, before.match_id)
    matches.take_lease(address, before.match_id, first_run, lambda _other: True)
    drop(settings, HALVES[1], "two")
    take(settings)
    wait(settings, HALVES[1])
    take(settings)
    assert row(settings, HALVES[1]).reason == (f"run {first_run} makes {before.match_id} without it: it is made again "
                                               "afterwards")
    runs.end(address, first_run)
    matches.update(address, before.match_id, status="published")
    matches.release_lease(address, before.match_id, first_run)
    take(settings)
    [match] = matches.every(address)
    assert match.match_id == before.match_id and match.attempt == 2 and names(match) == list(HALVES)
    assert (match.status, match.duration_ms) == ("registered", 120_000)
    assert [one.match_id for one in matches.without_run(address)] == [match.match_id]
    runs.begin(address, ingest_run_id(match.match_id, 2), match.match_id)
    assert matches.without_run(address) == []


def test_a_run_of_one_part_makes_the_whole_match(settings: Settings) -> None:
    before = made_of_the_first_half(settings)
    drop(settings, HALVES[1], "two")
    take(settings)
    wait(settings, HALVES[1])
    take(settings)
    late = find_match(read_order(register.run_conf(before, settings), settings), settings)
    assert late.match_id == before.match_id and [Path(path).name for path in late.recordings] == list(HALVES)
    assert len(matches.every(settings.catalogue_address)) == 1


def test_copies_of_a_match_and_of_its_parts_are_duplicates(settings: Settings) -> None:
    for folder in ("cup", "copy"):
        for name, content in zip(HALVES, ("one", "two"), strict=True):
            drop(settings, f"{folder}/{name}", content)
            drop(settings, f"{folder}/.done", "")
    take(settings)
    drop(settings, "one more.mp4", "two")
    take(settings)
    assert len(made(settings)) == 1
    states = {name: row(settings, name).status for name in (f"copy/{HALVES[0]}", f"cup/{HALVES[1]}", "one more.mp4")}
    assert sorted(states.values()) == ["duplicate", "duplicate", "registered"]
    assert row(settings, "one more.mp4").status == "duplicate"


def test_two_parts_of_one_content_are_no_match(settings: Settings) -> None:
    for name in HALVES:
        drop(settings, f"cup/{name}", "the same")
    drop(settings, "cup/.done", "")
    take(settings)
    assert made(settings) == []
    assert row(settings, f"cup/{HALVES[0]}").reason == ("two recordings of this match have the same content: leave one "
                                                        "of them there")


def test_a_renamed_part_stays_in_its_match(settings: Settings) -> None:
    for name, content in zip(HALVES, ("one", "two"), strict=True):
        drop(settings, f"cup/{name}", content)
    drop(settings, "cup/.done", "")
    take(settings)
    (settings.nas_mount_path / "cup" / HALVES[1]).rename(settings.nas_mount_path / "cup" / "reds second half.mp4")
    take(settings)
    [match] = matches.every(settings.catalogue_address)
    assert names(match) == [HALVES[0], "reds second half.mp4"] and match.attempt == 1


def test_a_match_that_lost_a_part_before_its_run_waits_for_it(settings: Settings) -> None:
    for name, content in zip(HALVES, ("one", "two"), strict=True):
        drop(settings, f"cup/{name}", content)
    drop(settings, "cup/.done", "")
    take(settings)
    (settings.nas_mount_path / "cup" / HALVES[1]).unlink()
    assert any("is not made" in line for line in take(settings))
    assert matches.without_run(settings.catalogue_address) == []
    drop(settings, f"cup/{HALVES[1]}", "two")
    take(settings)
    assert [names(match) for match in matches.without_run(settings.catalogue_address)] == [list(HALVES)]


def test_recordings_of_a_day_in_one_folder_are_no_match(settings: Settings) -> None:
    for number in range(4):
        drop(settings, f"day/0000{number}.MTS", f"film {number}")
    drop(settings, "day/.done", "")
    standing_still.find_due(settings, now_ms())
    due = standing_still.find_due(settings, now_ms() + 2 * SECOND)
    register.register_recordings(dict.fromkeys(due, 2 * 3_600_000), settings, print)
    assert made(settings) == []
    said = "with 00003.MTS this match would be 8.0 hours long: give each match a folder of its own"
    assert row(settings, "day/00000.MTS").reason == said


def test_a_recording_that_waits_for_others_is_late_when_they_should_have_come(settings: Settings) -> None:
    drop(settings, HALVES[1], "two")
    take(settings)
    wait(settings, HALVES[1], seconds=1000)
    assert register.late_recordings(settings, 10) == []
    wait(settings, HALVES[1], seconds=1600)
    [late] = register.late_recordings(settings, 10)
    said = f"{HALVES[1]} is recording 2 of its match, and recording 1 is missing"
    assert late.reason and late.reason.startswith(said)
