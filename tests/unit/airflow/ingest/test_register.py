"""What becomes of a recording that was checked; the check itself is played by a small script."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from sqlalchemy import text

from touchline.catalogue import matches, recordings, runs
from touchline.catalogue.connection import now_ms, writing
from touchline.errors import BadRecordingError, IncompleteRecordingError, TouchlineError
from touchline.settings import Settings
from touchline_airflow.ingest import register, standing_still
from touchline_airflow.runtime.choice import step_argv, touchline_path
from touchline_airflow.runtime.process import Finished, StepProcess

CHECK = """#!/bin/sh
case "$(cat -- "$3" 2>/dev/null)" in
  *END) echo '{"path": "x", "complete": true, "bad": false, "reason": "", "duration_ms": 60000}';;
  BAD*) echo '{"path": "x", "complete": false, "bad": true, "reason": "there is no video in it"}'; exit 3;;
  CRASH*) echo "it broke" >&2; exit 1;;
  STOPPED*) echo '{"complete": false, "bad": false, "reason": "its end does not decode", "usable_ms": 23440}'; exit 1;;
  *) echo '{"path": "x", "complete": false, "bad": false, "reason": "its end is missing"}'; exit 1;;
esac
"""


@pytest.fixture
def settings(own_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    check = tmp_path / "touchline"
    check.write_text(CHECK)
    check.chmod(0o755)
    monkeypatch.setenv("TOUCHLINE_BIN", str(check))
    return dataclasses.replace(own_settings, watch_stable_time_sec=1)


def drop(settings: Settings, name: str, content: str) -> str:
    path = settings.nas_mount_path / name
    path.write_text(content)
    return str(path)


def check(path: str, settings: Settings) -> int | None:
    argv = [touchline_path(), *step_argv("check_recording", path)]
    return register.note_check(path, StepProcess(argv, dict(os.environ)).follow(print), settings)


def take(settings: Settings, *paths: str) -> None:
    standing_still.find_due(settings, 0)
    register.register_recordings({path: check(path, settings) for path in paths}, settings, print)


def row(settings: Settings, path: str) -> recordings.SeenRecording:
    found = recordings.find(settings.catalogue_address, path)
    assert found is not None
    return found


def failures(settings: Settings) -> dict[str, str]:
    return {path.parent.name: path.read_text() for path in settings.nas_output_path.glob("*/FAILED.txt")}


def test_a_complete_recording_becomes_a_match_whose_run_is_pending_until_it_begins(settings: Settings) -> None:
    path = drop(settings, "Cup final.mp4", "film END")
    take(settings, path)
    [match] = matches.every(settings.catalogue_address)
    assert match.match_id.startswith("cup-final-") and match.status == "registered"
    assert register.run_conf(match, settings) == {"recording": path, "match_id": match.match_id, "duration_ms": 60_000,
                                                "expected_sec": 120}
    assert matches.without_run(settings.catalogue_address) == [match]
    runs.begin(settings.catalogue_address, "match__1", match.match_id)
    assert matches.without_run(settings.catalogue_address) == []


def test_the_same_content_under_another_name_is_recorded_and_not_processed(settings: Settings) -> None:
    first, second = drop(settings, "a.mp4", "film END"), drop(settings, "b.mp4", "film END")
    take(settings, first, second)
    assert (row(settings, first).status, row(settings, second).status) == ("registered", "duplicate")
    assert row(settings, second).reason == f"has the same content as {first}"
    assert len(matches.without_run(settings.catalogue_address)) == 1


def test_one_that_the_catalogue_refuses_stops_no_other_and_waits(settings: Settings) -> None:
    with writing(settings.catalogue_address) as connection:
        connection.execute(text("CREATE TRIGGER no BEFORE INSERT ON matches WHEN NEW.recording LIKE '%b.mp4' "
                                "BEGIN SELECT RAISE(ABORT, 'not this one'); END"))
    paths = [drop(settings, name, f"film {name} END") for name in ("a.mp4", "b.mp4", "c.mp4")]
    take(settings, *paths)
    assert [row(settings, path).status for path in paths] == ["registered", "complete", "registered"]


def test_a_recording_that_was_renamed_stays_the_same_match(settings: Settings) -> None:
    first = drop(settings, "a.mp4", "film END")
    take(settings, first)
    second = str(Path(first).rename(settings.nas_mount_path / "b.mp4"))
    take(settings, second)
    assert row(settings, second).status == "registered"
    [match] = matches.every(settings.catalogue_address)
    assert match.recording == second


def test_an_incomplete_recording_waits_with_its_reason(settings: Settings) -> None:
    path = drop(settings, "a.mp4", "half")
    standing_still.find_due(settings)
    with pytest.raises(IncompleteRecordingError, match="its end is missing"):
        check(path, settings)
    assert (row(settings, path).status, row(settings, path).reason) == ("waiting", "its end is missing")
    assert failures(settings) == {}


def test_one_that_stays_incomplete_is_bad_after_the_stated_time(settings: Settings) -> None:
    path = drop(settings, "a.mp4", "half")
    standing_still.find_due(settings, 0)
    with pytest.raises(IncompleteRecordingError):
        check(path, settings)
    with pytest.raises(BadRecordingError, match="its end is missing"):
        check(path, settings)
    assert row(settings, path).status == "bad"
    [reason] = failures(settings).values()
    assert reason.startswith("its end is missing (nothing has changed for ")


def test_one_whose_recorder_was_stopped_is_taken_as_far_as_it_decodes_after_the_stated_time(settings: Settings) -> None:
    path = drop(settings, "a.ts", "STOPPED")
    standing_still.find_due(settings)
    for _ in range(2):
        with pytest.raises(IncompleteRecordingError, match="its end does not decode"):
            check(path, settings)
    recordings.update(settings.catalogue_address, path, still_since_ms=now_ms() - 3_700_000)
    take(settings, path)
    [match] = matches.every(settings.catalogue_address)
    assert (row(settings, path).status, match.duration_ms) == ("registered", 23_440)
    said = row(settings, path).reason or ""
    assert said.startswith("taken as far as it decodes, 23.4 s: its end does not decode (nothing has changed for ")
    assert failures(settings) == {}


def test_a_recording_that_was_completed_is_registered_without_the_reason_of_before(settings: Settings) -> None:
    path = drop(settings, "a.mp4", "half")
    standing_still.find_due(settings)
    with pytest.raises(IncompleteRecordingError):
        check(path, settings)
    drop(settings, "a.mp4", "half END")
    take(settings, path)
    assert (row(settings, path).status, row(settings, path).reason) == ("registered", None)


def test_one_whose_data_still_arrives_is_not_judged_by_what_was_there_before(settings: Settings) -> None:
    path = drop(settings, "a.mp4", "half" + " " * standing_still.TAIL_BYTES)
    frozen = Path(path).stat().st_mtime_ns
    standing_still.find_due(settings, 0)
    with pytest.raises(IncompleteRecordingError):
        check(path, settings)
    with Path(path).open("r+b") as handle:
        handle.write(b"most")
    os.utime(path, ns=(frozen, frozen))
    assert standing_still.find_due(settings, now_ms() + 61_000) == [path]
    with pytest.raises(IncompleteRecordingError):
        check(path, settings)
    assert standing_still.find_due(settings, now_ms() + 62_000) == [path]
    with pytest.raises(BadRecordingError):
        check(path, settings)


def test_a_bad_recording_has_its_reason_in_catalogue_and_folder(settings: Settings) -> None:
    path = drop(settings, "no film.mp4", "BAD")
    standing_still.find_due(settings)
    with pytest.raises(BadRecordingError, match="there is no video in it"):
        check(path, settings)
    assert (row(settings, path).status, row(settings, path).reason) == ("bad", "there is no video in it")
    [(folder, reason)] = failures(settings).items()
    assert folder.startswith("no-film-") and reason == "there is no video in it\n"


def test_a_bad_recording_that_was_copied_again_is_a_match_and_its_failure_is_gone(settings: Settings) -> None:
    path = drop(settings, "a.mp4", "BAD")
    standing_still.find_due(settings)
    with pytest.raises(BadRecordingError):
        check(path, settings)
    drop(settings, "a.mp4", "film END")
    take(settings, path)
    assert row(settings, path).status == "registered"
    assert list(settings.nas_output_path.iterdir()) == []


def test_a_check_that_breaks_leaves_the_recording_waiting(settings: Settings) -> None:
    path = drop(settings, "a.mp4", "CRASH")
    standing_still.find_due(settings)
    with pytest.raises(TouchlineError, match="it broke"):
        check(path, settings)
    assert (row(settings, path).status, row(settings, path).reason) == ("waiting", "it broke")


@pytest.mark.parametrize("length", ['"60000"', "-1", "0", "1e9", "true", "[60000]", "99999999999999999999", "null"])
def test_a_length_that_is_none_counts_for_nothing(settings: Settings, length: str) -> None:
    path = drop(settings, "a.mp4", "film END")
    standing_still.find_due(settings, 0)
    whole = Finished(0, f'{{"complete": true, "bad": false, "reason": "", "duration_ms": {length}}}', "")
    assert register.note_check(path, whole, settings) is None
    cut = Finished(1, f'{{"complete": false, "bad": false, "reason": "cut", "usable_ms": {length}}}', "cut")
    with pytest.raises(IncompleteRecordingError):
        register.note_check(path, cut, settings)
    with pytest.raises(BadRecordingError, match="cut"):
        register.note_check(path, cut, settings)


def test_a_verdict_of_brackets_is_none(settings: Settings) -> None:
    path = drop(settings, "a.mp4", "film END")
    standing_still.find_due(settings, 0)
    with pytest.raises(TouchlineError, match="ended with exit code 1"):
        register.note_check(path, Finished(1, '{"a": ' + "[" * 100_000, ""), settings)


def test_one_verdict_among_failures_of_the_nas_does_not_make_a_recording_bad(settings: Settings) -> None:
    path = drop(settings, "a.mp4", "CRASH")
    standing_still.find_due(settings, 0)
    for finished in (Finished(1, "", "NAS_MOUNT_PATH (/nas) is away (Stale file handle); mount it again"),
                     Finished(1, '{"complete": false, "reason": "its end is missing"}', "its end is missing"),
                     Finished(1, "", "NAS_MOUNT_PATH (/nas) cannot be read (Input/output error); check the disk")):
        with pytest.raises(TouchlineError):
            register.note_check(path, finished, settings)
        assert row(settings, path).status == "waiting"
    assert failures(settings) == {}


def test_a_recording_that_changed_after_its_check_is_not_registered(settings: Settings) -> None:
    path = drop(settings, "a.mp4", "film END")
    standing_still.find_due(settings)
    check(path, settings)
    drop(settings, "a.mp4", "longer film END")
    register.register_recordings({path: None}, settings, print)
    assert matches.every(settings.catalogue_address) == []
    standing_still.find_due(settings)
    assert row(settings, path).status == "waiting"


def test_a_recording_that_went_away_after_its_check_does_not_stop_the_others(settings: Settings) -> None:
    first, second = drop(settings, "a.mp4", "one END"), drop(settings, "b.mp4", "two END")
    standing_still.find_due(settings)
    Path(first).unlink()
    register.register_recordings({first: None, second: None}, settings, print)
    assert [match.recording for match in matches.every(settings.catalogue_address)] == [second]


def test_a_recording_is_late_that_stands_still_and_is_not_taken(settings: Settings) -> None:
    gone, copied, taken = (drop(settings, f"{name}.mp4", "film") for name in ("gone", "copied", "taken"))
    standing_still.find_due(settings, now_ms() - 120_000)
    recordings.update(settings.catalogue_address, taken, status="registered")
    Path(gone).unlink()
    assert [row.path for row in register.late_recordings(settings, 1)] == [copied]
    assert register.late_recordings(settings, 3) == []
