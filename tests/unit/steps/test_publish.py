import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from support.merged import ALL_SEEN, UNKNOWN, merged
from touchline.cli import main
from touchline.domain.layout import MatchFolder, WorkFiles
from touchline.domain.review import Judged, Place, Review
from touchline.errors import EXIT_STORAGE, DamagedResultError, TouchlineError
from touchline.results.request import Request, save_request
from touchline.results.result import reuse_or_compute
from touchline.results.reviews import save_reviews
from touchline.settings import Settings
from touchline.steps.publish import publish

MATCH = "cup-final-0123456789ab"
VIDEO = b"not really a video, but publish only copies it"
CLIP = {
    "clip_id": "clip-00092000-00106000",
    "recording": 0,
    "recording_start_ms": 92_000,
    "start_ms": 92_000,
    "end_ms": 106_000,
    "reel_start_ms": 0,
    "label": "Save",
    "labels": ["Save"],
    "confidence": 0.87,
}
SAVE = {"match_ms": 100_000, "half": 1, "position_ms": 98_000, "label": "Save", "confidence": 0.87, "source": "model",
        "team": None, "evidence": {"spotter": 0.8, "surge": 0.5}}
FOUL = {**SAVE, "match_ms": 150_000, "label": "Foul", "confidence": 0.31,
        "others": [{"label": "Offside", "confidence": 0.2}]}
EMPTY_SIDECAR = {
    "title": None,
    "home": None,
    "away": None,
    "date": None,
    "kick_offs_ms": [],
    "kits": {},
    "our_keeper": None,
    "marks": [],
}


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "output").mkdir()
    settings = Settings(working_dir=tmp_path / "work", nas_output_path=tmp_path / "output")
    save_request(Request(MATCH, ("/nas/a.mp4",), ("aa",), ("highlights", "keeper")), settings)
    _prepare(settings)
    return settings


def _prepare(settings, *, actions=(SAVE,), sidecar=EMPTY_SIDECAR, video=VIDEO):
    """The results of all earlier steps: highlights with one clip (none without actions), keeper with none."""
    files = WorkFiles(settings.working_dir, MATCH)
    recording = {
        "path": "/nas/matches/Été 1.mp4",
        "fingerprint": "aa",
        "size_bytes": 10,
        "duration_ms": 200_000,
        "video": {"width": 1280, "height": 720, "fps": "25/1"},
        "audio": None,
    }
    _result(files.probe, "probe", {"recordings": [recording], "sidecar": sidecar})
    _result(files.actions, "merge_actions", merged(*actions, candidates=(FOUL,)))
    _result(files.reel("keeper"), "render_reel", _reel("keeper", b"", ()))
    _result(files.reel("highlights"), "render_reel", _reel("highlights", video, (CLIP,) if actions else ()))
    files.reel_video("highlights").unlink(missing_ok=True)
    if actions:
        files.reel_video("highlights").write_bytes(video)
        files.thumbnails("highlights").mkdir(exist_ok=True)
        (files.thumbnails("highlights") / f"{CLIP['clip_id']}.jpg").write_bytes(b"\xff\xd8\xff a picture \xff\xd9")


def _result(path, step, result):
    reuse_or_compute(path, step, {}, lambda: result, force=True)


def _reel(name, video, clips):
    return {
        "name": name,
        "frames": 350 * len(clips),
        "duration_ms": 14_000 * len(clips),
        "sha256": hashlib.sha256(video).hexdigest() if clips else None,
        "size_bytes": len(video) if clips else 0,
        "clips": list(clips),
        "thumbnails": [f"{clip['clip_id']}.jpg" for clip in clips],
    }


def _root(settings):
    return MatchFolder(settings.nas_output_path, MATCH).root


def _json(settings, name):
    return json.loads((_root(settings) / name).read_text())


def _tree(settings):
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in _root(settings).rglob("*") if path.is_file()
    }


def test_the_match_folder_has_all_its_files_and_the_manifest_their_digests(settings, capsys):
    outcome = publish(MATCH, settings)
    listed = _json(settings, "manifest.json")["files"]
    assert set(listed) == {
        "match.json",
        "actions.json",
        "results_spotting.json",
        "reels/highlights.mp4",
        "reels/highlights.json",
        "reels/keeper.json",
        "report.html",
    }
    for name, entry in listed.items():
        content = (_root(settings) / name).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (entry["sha256"], entry["size_bytes"])
    assert outcome.result["folder"] == str(_root(settings))
    assert capsys.readouterr().out == f"published: {_root(settings)}\n"


def test_each_clip_names_its_source_and_its_place_in_the_match(settings):
    publish(MATCH, settings)
    reel = _json(settings, "reels/highlights.json")
    assert (reel["video"], reel["duration_ms"]) == ("highlights.mp4", 14_000)
    assert reel["clips"] == [{**CLIP, "source": "Été 1.mp4"}]
    assert _json(settings, "reels/keeper.json")["video"] is None


def test_actions_and_soccernet_file_say_the_same(settings):
    publish(MATCH, settings)
    assert _json(settings, "actions.json")["actions"] == [{**SAVE, "game_time": "1 - 01:38"}]
    assert _json(settings, "actions.json")["sides"] == UNKNOWN
    assert _json(settings, "actions.json")["seen"] == ALL_SEEN
    assert _json(settings, "actions.json")["candidates"] == [{**FOUL, "game_time": "1 - 01:38"}]
    assert _json(settings, "results_spotting.json")["predictions"] == [
        {"gameTime": "1 - 01:38", "label": "Save", "position": "98000", "half": "1", "confidence": "0.87"}
    ]


def test_a_match_without_a_title_is_called_by_its_teams_or_its_recording(settings):
    publish(MATCH, settings)
    assert _json(settings, "match.json")["title"] == "Été 1"
    _prepare(settings, sidecar={**EMPTY_SIDECAR, "home": "Reds", "away": "Blues"})
    publish(MATCH, settings)
    assert _json(settings, "match.json")["title"] == "Reds – Blues"


def test_publishing_again_changes_nothing(settings):
    first = publish(MATCH, settings)
    before = _tree(settings)
    assert publish(MATCH, settings).reused
    forced = publish(MATCH, settings, force=True)
    assert (forced.reused, forced.digest) == (False, first.digest)
    assert _tree(settings) == before


def test_files_say_nothing_of_the_place_they_were_made_in(settings, tmp_path):
    publish(MATCH, settings)
    for content, _ in _tree(settings).values():
        assert str(tmp_path).encode() not in content
        assert b"/nas/matches" not in content


def test_a_match_without_actions_is_published_and_says_so(settings):
    publish(MATCH, settings)
    _prepare(settings, actions=())
    publish(MATCH, settings)
    assert _json(settings, "actions.json")["actions"] == []
    assert "No actions were found in this match" in (_root(settings) / "report.html").read_text()
    assert not (_root(settings) / "reels" / "highlights.mp4").exists()


def test_a_damaged_published_file_is_repaired(settings):
    publish(MATCH, settings)
    (_root(settings) / "reels" / "highlights.mp4").write_bytes(b"damaged")
    assert not publish(MATCH, settings).reused
    assert (_root(settings) / "reels" / "highlights.mp4").read_bytes() == VIDEO


def test_an_earlier_failure_is_taken_back_even_if_nothing_else_changed(settings):
    publish(MATCH, settings)
    (_root(settings) / "FAILED.txt").write_text("no space")
    publish(MATCH, settings)
    assert not (_root(settings) / "FAILED.txt").exists()


def test_a_damaged_reel_is_not_published(settings):
    files = WorkFiles(settings.working_dir, MATCH)
    files.reel_video("highlights").write_bytes(b"damaged")
    with pytest.raises(DamagedResultError, match="run render-reel highlights again"):
        publish(MATCH, settings)
    assert not _root(settings).exists()


def test_a_missing_output_folder_is_one_line_and_exit_code_4(settings, monkeypatch, capsys):
    with pytest.raises(TouchlineError):
        publish(MATCH, replace(settings, nas_output_path=settings.nas_output_path / "gone"))
    monkeypatch.setenv("WORKING_DIR", str(settings.working_dir))
    monkeypatch.setenv("NAS_OUTPUT_PATH", "/nowhere/at/all")
    assert main(["publish", MATCH]) == EXIT_STORAGE
    line = capsys.readouterr().err.splitlines()[-1]
    assert line == (
        "touchline publish: NAS_OUTPUT_PATH (/nowhere/at/all) is not a folder; "
        "mount or create it, the task is tried again"
    )


def test_a_name_from_a_file_cannot_write_into_the_report(settings):
    hostile = "<script>alert(1)</script>\"'</title>"
    _prepare(settings, sidecar={**EMPTY_SIDECAR, "title": hostile, "home": hostile, "away": hostile})
    publish(MATCH, settings)
    page = (_root(settings) / "report.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_published_reel_whose_copy_was_removed_is_published_again_as_it_is(settings):
    publish(MATCH, settings)
    folder = MatchFolder(settings.nas_output_path, MATCH)
    manifest = folder.manifest.read_bytes()
    WorkFiles(settings.working_dir, MATCH).reel_video("highlights").unlink()
    publish(MATCH, settings, force=True)
    assert folder.manifest.read_bytes() == manifest
    assert (folder.root / "reels" / "highlights.mp4").read_bytes() == VIDEO


def test_a_reel_that_is_nowhere_whole_is_not_published(settings):
    publish(MATCH, settings)
    WorkFiles(settings.working_dir, MATCH).reel_video("highlights").unlink()
    for version in MatchFolder(settings.nas_output_path, MATCH).versions.glob("*.mp4"):
        version.write_bytes(b"damaged")
    with pytest.raises(DamagedResultError, match="run render-reel highlights again"):
        publish(MATCH, settings, force=True)


def test_reviews_are_published_with_what_they_were(settings):
    save_reviews(MATCH, [Review("r1", 1000, "coach", Place(100_000, "Save"), Judged(100_000, "Save", "home", "1")),
                         Review("r2", 2000, "analyst", undoes="r1")], settings)
    folder = Path(publish(MATCH, settings).result["folder"])
    told = json.loads((folder / "reviews.json").read_text())
    assert [(one["what"], one["who"], one["before"], one["undoes"]) for one in told["reviews"]] == [
        ("accept", "coach", {"match_ms": 100_000, "label": "Save"}, None), ("undo", "analyst", None, "r1")]
    assert "reviews.json" in (folder / "manifest.json").read_text()


def test_reviews_that_cannot_be_read_are_one_line(settings):
    WorkFiles(settings.working_dir, MATCH).reviews.write_text('{"reviews": [{"who": 5}]}')
    with pytest.raises(DamagedResultError, match=r"reviews\.json cannot be read \(a review has exactly the fields"):
        publish(MATCH, settings)
