"""Chunks and reels go where the recording is, but nobody waits for a machine that may be away."""

from __future__ import annotations

import json
import time

import pytest

from touchline.catalogue import matches
from touchline.domain.layout import HostFiles, ScratchFiles
from touchline.results.request import Request, save_request
from touchline.settings import Settings
from touchline_airflow.match.locality import PATIENCE, better_host

MATCH = "cup-final-0123456789ab"


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    """A match whose recording is on the machine `one`; both machines read a slow NAS."""
    matches.register(own_settings.catalogue_address, MATCH, "f" * 64, "/nas/Cup final.mp4")
    matches.update(own_settings.catalogue_address, MATCH, prefetched_on="one")
    save_request(Request(MATCH, ("/nas/Cup final.mp4",), ("f" * 64,), ("keeper",)), own_settings)
    for host in ("one", "two"):
        measure(own_settings, host, 20.0)
    return own_settings


def measure(settings: Settings, host: str, read_mb_s: float) -> None:
    path = HostFiles(settings.working_dir, host).nas
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"figures": {"read_mb_s": read_mb_s}, "measured_at_ms": time.time() * 1000}))


@pytest.mark.parametrize("step", ["spot_chunk", "render_reel"])
def test_another_machine_steps_back_a_few_times(settings: Settings, step: str) -> None:
    backs = [better_host(step, MATCH, settings, "two", count) for count in range(PATIENCE + 1)]
    assert backs == ["one"] * PATIENCE + [None]


def test_the_machine_that_has_it_never_steps_back(settings: Settings) -> None:
    assert better_host("spot_chunk", MATCH, settings, "one", 0) is None


def test_steps_that_do_not_read_it_again_go_anywhere(settings: Settings) -> None:
    assert better_host("scan", MATCH, settings, "two", 0) is None
    assert better_host("merge_actions", MATCH, settings, "two", 0) is None


def test_a_machine_whose_nas_is_fast_takes_everything(settings: Settings) -> None:
    measure(settings, "two", 200.0)
    assert better_host("spot_chunk", MATCH, settings, "two", 0) is None


def test_a_machine_with_a_copy_of_its_own_takes_it(settings: Settings) -> None:
    copy = ScratchFiles(settings.scratch_dir, MATCH).recording("f" * 64)
    copy.parent.mkdir(parents=True)
    copy.touch()
    assert better_host("spot_chunk", MATCH, settings, "two", 0) is None


def test_a_match_that_was_copied_nowhere_goes_anywhere(settings: Settings) -> None:
    matches.update(settings.catalogue_address, MATCH, prefetched_on=None)
    assert better_host("spot_chunk", MATCH, settings, "two", 0) is None
