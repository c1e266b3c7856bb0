"""A recording is looked at while it is written: provisional match folders, then the one of the whole recording."""

import json
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from support.waiting import wait_for
from touchline.errors import BadRecordingError, IncompleteRecordingError
from touchline.results.growing import growing_match_id
from touchline.settings import Settings
from touchline.steps.follow import follow
from touchline.steps.process import process
from touchline.steps.simulate import simulate

SECONDS = 40


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """What the recorder will have written in the end."""
    folder = tmp_path_factory.mktemp("footage")
    simulate(SECONDS, 16, "broadcast", 640, 360, folder)
    subprocess.run(["ffmpeg", "-v", "error", "-i", folder / "match.mp4", "-c", "copy", "-f", "mpegts",
                    folder / "match.ts"], check=True)
    return folder / "match.ts"


@pytest.fixture
def settings(tmp_path):
    return replace(Settings(), working_dir=tmp_path / "work", scratch_dir=tmp_path / "scratch", live_chapter_sec=10,
                   min_event_confidence=0.3, watch_stable_time_sec=2, watch_more_sec=3)


def grow(recording, content, until):
    with recording.open("ab") as handle:
        handle.write(content[recording.stat().st_size : until])


def test_a_growing_recording_has_a_provisional_folder_and_then_the_one_of_the_whole_file(written, settings, tmp_path):
    content, recording, output = written.read_bytes(), tmp_path / "Cup Final.ts", tmp_path / "out"
    recording.touch()
    grow(recording, content, len(content) // 2)
    provisional = output / str(growing_match_id(recording))
    seen = []

    def record():
        wait_for("the first chapter", (provisional / "manifest.json").exists)
        seen.append(json.loads((provisional / "match.json").read_text()))
        grow(recording, content, len(content) * 4 // 5)
        wait_for("another", lambda: len(json.loads((provisional / "match.json").read_text())["recordings"]) > 1)
        seen.append(json.loads((provisional / "match.json").read_text()))
        grow(recording, content, len(content))

    recorder = threading.Thread(target=record)
    recorder.start()
    folder = follow(recording, output, settings, ("highlights", "keeper"))
    recorder.join()

    first, second = seen
    assert first["title"] == "cup-final live 0001"
    assert second["title"] == "cup-final live"
    assert second["recordings"][0] == first["recordings"][0]
    assert 10_000 <= first["duration_ms"] < second["duration_ms"] < SECONDS * 1000
    assert [one.name for one in output.iterdir() if not one.name.startswith(".")] == [folder.name]
    assert [one.name for one in (settings.working_dir / "matches").iterdir() if one.is_dir()] == [folder.name]
    assert list((settings.scratch_dir / "matches").iterdir()) == []

    at_once = process([recording], tmp_path / "again", replace(settings, working_dir=tmp_path / "other"),
                      ("highlights", "keeper"))
    assert (at_once / "manifest.json").read_bytes() == (folder / "manifest.json").read_bytes()


def test_what_was_looked_at_is_not_looked_at_again(written, settings, tmp_path, monkeypatch):
    """The first chapter's chunk is reused when the second has come, after a kill too."""
    from touchline.steps import follow as module

    content, recording = written.read_bytes(), tmp_path / "film.ts"
    recording.touch()
    grow(recording, content, len(content) // 2)
    chunk = settings.working_dir / "matches" / str(growing_match_id(recording)) / "spottings" / "chunk-0000.json"
    made = []

    class KilledError(Exception):
        pass

    def killed(*_args, **_kwargs):
        made.append(chunk.stat().st_mtime_ns)
        raise KilledError

    real = module.make_match
    monkeypatch.setattr(module, "make_match", lambda *args, **kwargs: (real(*args, **kwargs), killed()))
    for part in (len(content) // 2, len(content)):
        grow(recording, content, part)
        with pytest.raises(KilledError):
            follow(recording, tmp_path / "out", settings, ("highlights",))
    assert made[0] == made[1]
    assert (chunk.with_name("chunk-0001.json")).exists()


def test_an_end_that_never_comes_is_a_clear_error(tmp_path, settings):
    film = tmp_path / "film.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=128x64:r=25:d=3", film], check=True)
    half = tmp_path / "half.mp4"
    half.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    with pytest.raises((BadRecordingError, IncompleteRecordingError)) as told:
        follow(half, tmp_path / "out", replace(settings, watch_stable_time_sec=1, watch_bad_after_sec=10), ("keeper",))
    assert "half.mp4" in str(told.value)
    assert [one for one in Path(tmp_path / "out").iterdir() if not one.name.startswith(".")] == []
