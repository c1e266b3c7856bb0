"""When storage fails: which errors are tried again, for how long, and what the watch makes of it."""

from __future__ import annotations

import errno
import logging
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from touchline.domain.layout import MatchFolder
from touchline.errors import BadRecordingError, StorageError, TouchlineError, UsageError
from touchline.settings import Settings
from touchline_airflow.books.failure_note import write_failure
from touchline_airflow.dag_defaults import DEFAULT_ARGS
from touchline_airflow.failing import failing_plainly
from touchline_airflow.ingest import trigger
from touchline_airflow.match.request import read_order

log = logging.getLogger("test")
MATCH = "final-0123456789ab"


def test_the_retries_outlast_two_minutes_and_end_within_ten() -> None:
    """Airflow waits delay · backoff^n, and adds up to as much again; see TaskInstance.next_retry_datetime."""
    waits = [DEFAULT_ARGS["retry_delay"] * DEFAULT_ARGS["retry_exponential_backoff"] ** number
             for number in range(DEFAULT_ARGS["retries"])]
    shortest, longest = sum(waits, timedelta()), 2 * sum(waits, timedelta())
    assert max(waits) * 2 <= DEFAULT_ARGS["max_retry_delay"], "a wait that is capped would make the sum smaller"
    assert shortest >= timedelta(minutes=3) and longest <= timedelta(minutes=10)


@pytest.mark.parametrize(("error", "kind"), [
    (StorageError(Path("/w"), "is full: 0 MB free", "free some space"), AirflowException),
    (TouchlineError("it broke"), AirflowException), (OSError(errno.EIO, "Input/output error", "/x"), AirflowException),
    (UsageError("no such reel"), AirflowFailException), (BadRecordingError("no film"), AirflowFailException)])
def test_what_no_retry_heals_is_not_tried_again(
        error: Exception, kind: type[Exception], caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(kind) as raised, failing_plainly(log):
        raise error
    assert isinstance(raised.value, AirflowFailException) == (kind is AirflowFailException)
    assert caplog.messages == [str(raised.value)], "one line in the log, the same as in the exception"


def test_a_mount_that_is_away_is_not_a_wrong_request(own_settings: Settings) -> None:
    with pytest.raises(StorageError, match="is away or incomplete"):
        read_order({"recording": "final.mp4"}, own_settings)
    (own_settings.nas_mount_path / "other.mp4").write_bytes(b"film")
    with pytest.raises(UsageError, match="check the name"):
        read_order({"recording": "final.mp4"}, own_settings)
    with pytest.raises(StorageError, match="is away or incomplete"):
        read_order({"recording": "final.mp4", "match_id": MATCH}, own_settings)
    shutil.rmtree(own_settings.nas_mount_path)
    with pytest.raises(StorageError, match="is away or incomplete"):
        read_order({"recording": "final.mp4"}, own_settings)


def test_nothing_is_written_below_an_output_that_is_away(own_settings: Settings) -> None:
    own_settings.nas_output_path.rmdir()
    with pytest.raises(StorageError, match="mount or create it"):
        write_failure(MatchFolder(own_settings.nas_output_path, MATCH), "it broke")
    assert not own_settings.nas_output_path.exists()


@pytest.mark.parametrize("error", [
    OSError(errno.ESTALE, "Stale file handle"), StorageError(Path("/w"), "is full: 0 MB free", "free some space")])
def test_a_look_that_fails_means_not_yet(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_settings: Settings) -> list[str]:
        raise error

    monkeypatch.setattr(trigger, "find_due", fail)
    assert trigger.RecordingTrigger(1.0, 300.0)._look() == ([], False)
