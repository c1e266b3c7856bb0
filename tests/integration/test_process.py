"""From recordings to the match folder in one process, on simulated footage and, where it is present, on real clips."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from touchline.known_models import SHIPPED_MODELS
from touchline.results.result import read_result
from touchline.settings import Settings
from touchline.steps.process import process
from touchline.steps.simulate import simulate

SECONDS = 36
CLIPS = Path(__file__).parents[3] / "shared" / "footage" / "clips"


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    folder = tmp_path_factory.mktemp("footage")
    simulate(SECONDS, 16, "broadcast", 640, 360, folder)
    return folder


@pytest.fixture(scope="module")
def short(footage):
    """The first 22 seconds, in which somebody shoots."""
    film = footage / "short.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(footage / "match.mp4"), "-t", "22", "-c", "copy", str(film)],
                   check=True)
    return film


@pytest.fixture
def settings(tmp_path):
    return _settings(tmp_path)


@pytest.fixture(scope="module")
def processed(footage, tmp_path_factory):
    """Settings and match folder of a match that was processed once."""
    root = tmp_path_factory.mktemp("processed")
    settings = _settings(root)
    return settings, process([footage / "match.mp4"], root / "out", settings, ("highlights", "keeper"))


def _settings(root):
    return replace(Settings(), working_dir=root / "work", scratch_dir=root / "scratch", min_event_confidence=0.3)


def _frame_count(video):
    argv = ["ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0",
            "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", str(video)]  # fmt: skip
    return int(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip().strip(","))


def _chapters(film, folder):
    """As a camera cuts it: three files, none of which begins within a group of frames."""
    folder.mkdir()
    argv = ["ffmpeg", "-v", "error", "-i", str(film), "-map", "0", "-c", "copy", "-f", "segment", "-segment_time",
            str(SECONDS // 3), "-segment_start_number", "1", "-reset_timestamps", "1", str(folder / "GX%02d0123.MP4")]
    subprocess.run(argv, check=True)
    return sorted(folder.glob("*.MP4"))


def test_a_recording_becomes_a_published_match_folder(processed):
    settings, folder = processed
    actions = json.loads((folder / "actions.json").read_text())["actions"]
    assert actions, f"{SECONDS} s of a dense simulated match hold no action at all"
    assert (folder / "report.html").stat().st_size > 10_000
    reel = json.loads((folder / "reels" / "highlights.json").read_text())
    assert _frame_count(folder / "reels" / "highlights.mp4") == reel["frames"] > 0
    assert not list(settings.scratch_dir.glob("matches/*"))
    assert not list(folder.parents[1].rglob("*.part*"))


def test_a_second_run_reuses_everything_and_changes_nothing(footage, processed):
    settings, folder = processed
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert process([footage / "match.mp4"], folder.parent, settings, ("highlights", "keeper")) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before


def test_the_length_of_chunks_does_not_change_the_actions(footage, processed, tmp_path):
    settings, folder = processed
    assert settings.chunk_duration_sec > SECONDS
    chunked = replace(settings, chunk_duration_sec=SECONDS // 3, working_dir=tmp_path)
    again = process([footage / "match.mp4"], tmp_path / "out", chunked, ("keeper",))
    assert (again / "actions.json").read_bytes() == (folder / "actions.json").read_bytes()


@pytest.mark.verify
def test_chapters_of_one_film_give_its_actions_and_reels(footage, processed, tmp_path):
    """Chapters are cut at key frames, so that the same pictures lie in other files."""
    settings, folder = processed
    chapters = _chapters(footage / "match.mp4", tmp_path / "nas")
    assert len(chapters) == 3
    (tmp_path / "nas" / "match.toml").write_bytes((footage / "match.toml").read_bytes())
    again = process(chapters, tmp_path / "out", replace(settings, working_dir=tmp_path / "work"), ("highlights",))
    one, three = (json.loads((place / "actions.json").read_text())["actions"] for place in (folder, again))
    assert [(item["label"], item["match_ms"]) for item in three] == [(item["label"], item["match_ms"]) for item in one]
    reels = [json.loads((place / "reels" / "highlights.json").read_text()) for place in (folder, again)]
    assert abs(reels[0]["frames"] - reels[1]["frames"]) <= 3
    assert _frame_count(again / "reels" / "highlights.mp4") == reels[1]["frames"]


@pytest.mark.verify
def test_ten_frames_a_second_without_sound_and_with_a_clip_model_are_the_same_in_any_chunks(short, settings, tmp_path):
    film = tmp_path / "silent.mp4"
    argv = ["ffmpeg", "-v", "error", "-i", str(short), "-an", "-r", "10", str(film)]
    subprocess.run(argv, check=True)
    found = []
    for seconds in (600, 10):
        chunked = replace(settings, chunk_duration_sec=seconds, action_model_path=SHIPPED_MODELS / "clip-model",
                          working_dir=tmp_path / f"work-{seconds}")
        folder = process([film], tmp_path / f"out-{seconds}", chunked, ("keeper",))
        found.append((folder / "actions.json").read_bytes())
        chunks = [read_result(path).result for path in (chunked.working_dir).rglob("spottings/chunk-????.json")]
        assert any(window["scores"] for chunk in chunks for window in chunk["windows"])
    assert found[0] == found[1]


def test_two_recordings_in_order_make_one_match(footage, settings, tmp_path):
    second = tmp_path / "second half.mp4"
    shutil.copy(footage / "match.mp4", second)
    folder = process([footage / "match.mp4", second], tmp_path / "out", settings, ("highlights",))
    match = json.loads((folder / "match.json").read_text())
    assert len(match["recordings"]) == 2
    reel = json.loads((folder / "reels" / "highlights.json").read_text())
    assert {clip["recording"] for clip in reel["clips"]} == {0, 1}


def test_a_mark_of_the_coach_becomes_an_action(short, settings, tmp_path):
    shutil.copy(short, tmp_path / "marked.mp4")
    (tmp_path / "marked.marks.csv").write_text("time,label\n00:00:20,Yellow card\n")
    folder = process([tmp_path / "marked.mp4"], tmp_path / "out", settings, ("highlights",))
    actions = json.loads((folder / "actions.json").read_text())["actions"]
    assert [(a["match_ms"], a["source"]) for a in actions if a["label"] == "Yellow card"] == [(20_000, "mark")]


@pytest.mark.footage
@pytest.mark.verify
@pytest.mark.parametrize("name", [path.name for path in sorted(CLIPS.glob("*.mp4"))] or ["(no clips here)"])
def test_real_clips_are_processed_without_an_error(name, settings, tmp_path):
    if not CLIPS.is_dir():
        pytest.skip("the real clips are not beside the project")
    folder = process([CLIPS / name], tmp_path / "out", settings, ("highlights", "keeper"))
    assert (folder / "manifest.json").is_file()
