"""What waits for the night is sent all the time, and counted seldom."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from support.statsd_wire import Wire
from touchline.catalogue import matches
from touchline.errors import StorageError
from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.sampler.night import LOOK_EVERY_SEC, Pending


def test_what_waits_for_the_night_is_counted_every_ten_minutes(own_settings: Settings, wire: Wire) -> None:
    settings, now = replace(own_settings, ingest_since="2026-01-01"), [0.0]
    pending = Pending(settings, DeploymentSettings(), lambda: now[0])
    matches.register(settings.catalogue_address, "cup-0123456789ab", "f" * 64, str(settings.nas_mount_path / "cup.mp4"))
    with pytest.raises(StorageError):  # the mount is away: nothing is sent
        pending.sample()
    assert wire.values() == {}
    for number in (1, 2):
        path = settings.nas_mount_path / f"{number}.mp4"
        path.write_text(str(number))
        os.utime(path, (1_700_000_000, 1_700_000_000))
        pending.sample()
        assert wire.values() == {"pipeline_backfill_pending": "1|g"}
    now[0] = LOOK_EVERY_SEC
    pending.sample()
    assert wire.values() == {"pipeline_backfill_pending": "2|g"}
