"""What a run may be asked for: hostile values are refused in one line, harmless ones arrive as they are."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from touchline.catalogue import matches
from touchline.errors import StorageError, TouchlineError, UsageError
from touchline.results.request import REELS, make_request
from touchline.settings import Settings
from touchline_airflow.match.request import find_match, read_order
from touchline_airflow.runtime.choice import step_argv
from touchline_airflow.runtime.process import StepProcess
from unit.airflow.hostile import HARMLESS_NAMES, NO_MATCH_ID, NO_SUCH_RECORDING, NO_SUCH_REELS


@pytest.fixture
def settings(own_settings: Settings, tmp_path: Path) -> Settings:
    """A mount with one recording, the output inside it, and traps around it."""
    mount = own_settings.nas_mount_path
    (mount / "a.mp4").write_bytes(b"film")
    (mount / "folder").mkdir()
    (mount / "output").mkdir()
    (mount / "output" / "reel.mp4").write_bytes(b"ours")
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (mount / "link-out.mp4").symlink_to(tmp_path / "secret.mp4")
    (mount / "link-round.mp4").symlink_to("link-round.mp4")
    os.mkfifo(mount / "pipe.mp4")
    return dataclasses.replace(own_settings, nas_output_path=mount / "output")


def order(settings: Settings, recording: Any = "a.mp4", **params: Any) -> Any:
    return read_order({"recording": recording, **params}, settings)


@pytest.mark.parametrize("value", NO_SUCH_RECORDING, ids=lambda value: repr(value)[:40])
def test_a_hostile_recording_is_refused_in_one_line(settings: Settings, value: Any) -> None:
    with pytest.raises(UsageError) as refused:
        order(settings, value)
    assert "recording" in str(refused.value)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 1000


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.ENOTCONN, errno.EHOSTDOWN])
def test_a_nas_that_answers_with_errors_is_worth_a_retry(settings: Settings, monkeypatch: pytest.MonkeyPatch,
                                                         number: int) -> None:
    def broken(_path: Path) -> bool:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "is_file", broken)
    with pytest.raises(StorageError, match=r"a\.mp4.*tried again"):
        order(settings)


@pytest.mark.parametrize("value", NO_SUCH_REELS, ids=repr)
def test_hostile_reels_are_refused_in_one_line(settings: Settings, value: Any) -> None:
    with pytest.raises(UsageError, match="reel") as refused:
        order(settings, reels=value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", NO_MATCH_ID, ids=repr)
def test_what_is_no_match_id_is_refused(settings: Settings, value: Any) -> None:
    with pytest.raises(UsageError, match="match_id"):
        order(settings, match_id=value)


@pytest.mark.parametrize("value", ["yes", 1, None, []])
def test_force_is_true_or_false(settings: Settings, value: Any) -> None:
    with pytest.raises(UsageError, match="force"):
        order(settings, force=value)


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_a_strange_name_is_a_name(settings: Settings, name: str) -> None:
    (settings.nas_mount_path / name).write_bytes(b"film")
    assert order(settings, name).recordings[0] == settings.nas_mount_path / name
    assert order(settings, str(settings.nas_mount_path / name)).recordings[0] == settings.nas_mount_path / name


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_a_strange_name_reaches_a_step_as_exactly_one_argument(name: str) -> None:
    show = [sys.executable, "-c", "import sys, json; print(json.dumps(sys.argv[1:]))"]
    argv = step_argv("check_recording", f"/nas/{name}")
    lines: list[str] = []
    StepProcess([*show, *argv], dict(os.environ)).follow(lines.append)
    assert json.loads(lines[0]) == ["check-recording", "--", f"/nas/{name}"]


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_the_command_line_takes_what_follows_for_no_option(name: str) -> None:
    from touchline.cli import build_parser

    arguments = build_parser().parse_args(step_argv("check_recording", name))
    assert arguments.recording == Path(name)


def test_force_stands_before_the_arguments() -> None:
    from touchline.cli import build_parser

    argv = step_argv("spot_chunk", "m-0123456789ab", "chunk-0002", force=True)
    assert argv == ["spot-chunk", "--force", "--", "m-0123456789ab", "chunk-0002"]
    arguments = build_parser().parse_args(argv)
    assert (arguments.match_id, arguments.part, arguments.force) == ("m-0123456789ab", "chunk-0002", True)


def test_reels_come_in_our_order_and_once(settings: Settings) -> None:
    assert order(settings, reels=list(reversed(REELS))).reels == REELS
    assert order(settings).reels == REELS


def test_a_link_inside_the_mount_is_its_file(settings: Settings) -> None:
    (settings.nas_mount_path / "b.mp4").symlink_to("a.mp4")
    assert order(settings, "b.mp4").recordings[0] == settings.nas_mount_path / "a.mp4"


def test_the_same_content_under_another_name_is_the_same_match_with_the_same_source(settings: Settings) -> None:
    (settings.nas_mount_path / "b.mp4").write_bytes(b"film")
    first = find_match(order(settings, "a.mp4"), settings)
    second = find_match(order(settings, "b.mp4"), settings)
    assert (second.match_id, second.recordings) == (first.match_id, first.recordings)


def test_a_source_that_is_gone_is_replaced_by_the_other_name(settings: Settings) -> None:
    (settings.nas_mount_path / "b.mp4").write_bytes(b"film")
    first = find_match(order(settings, "a.mp4"), settings)
    (settings.nas_mount_path / "a.mp4").unlink()
    second = find_match(order(settings, "b.mp4"), settings)
    assert second.match_id == first.match_id
    assert second.recordings == (str(settings.nas_mount_path / "b.mp4"),)
    [match] = matches.every(settings.catalogue_address)
    assert match.recording == second.recordings[0]


def test_an_empty_recording_is_bad(settings: Settings) -> None:
    (settings.nas_mount_path / "empty.mp4").touch()
    with pytest.raises(TouchlineError, match="is empty"):
        find_match(order(settings, "empty.mp4"), settings)


def test_there_are_at_least_fifty_hostile_values() -> None:
    assert len(NO_SUCH_RECORDING) + len(NO_SUCH_REELS) + len(NO_MATCH_ID) >= 50


def test_a_list_of_recordings_is_one_match_in_the_order_given(settings: Settings) -> None:
    (settings.nas_mount_path / "b.mp4").write_bytes(b"second half")
    asked = find_match(order(settings, "b.mp4", more_recordings=["a.mp4"]), settings)
    assert [Path(path).name for path in asked.recordings] == ["b.mp4", "a.mp4"]
    assert asked.match_id == make_request([Path(path) for path in asked.recordings]).match_id
    assert find_match(order(settings, "a.mp4"), settings) == asked, "one recording of a match means the match"
    assert find_match(order(settings, "b.mp4", more_recordings=["a.mp4"]), settings) == asked


@pytest.mark.parametrize("more", ["a.mp4", 7, {"a": 1}, ["/etc/passwd"], ["link-out.mp4"], ["output/reel.mp4"], [None],
                                  [["a.mp4"]], ["../secret.mp4"], ["a.mp4"] * 100])
def test_hostile_further_recordings_are_refused_in_one_line(settings: Settings, more: Any) -> None:
    with pytest.raises(UsageError) as refused:
        order(settings, more_recordings=more)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 1000


@pytest.mark.parametrize("more", [None, [], ()])
def test_no_further_recordings_are_none(settings: Settings, more: Any) -> None:
    assert len(order(settings, more_recordings=more).recordings) == 1
