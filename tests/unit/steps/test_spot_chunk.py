import json
import shutil
import subprocess
from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="the models' libraries are in the worker's environment only")
pytest.importorskip("ultralytics", reason="the models' libraries are in the worker's environment only")
pytest.importorskip("transformers", reason="the models' libraries are in the worker's environment only")

from touchline.domain.layout import WorkFiles
from touchline.errors import DamagedResultError, ModelError, UsageError
from touchline.inference.model_digest import model_digest
from touchline.progress import reporting_to
from touchline.results.fingerprint import fingerprint
from touchline.results.request import Request, save_request
from touchline.results.result import read_stats, reuse_or_compute
from touchline.seeing.glance import glance_from_plain, plain_glance
from touchline.settings import Settings
from touchline.steps import see_chunk as work
from touchline.steps.spot_chunk import spot_chunk
from touchline.video.plain import recording_to_plain
from touchline.video.probe import probe_recording

MATCH = "test-match-0123456789ab"
SECONDS = 9


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Two recordings of nine seconds, in which every frame differs."""
    folder = tmp_path_factory.mktemp("films")
    for name, source in (("one", "testsrc2"), ("two", "mandelbrot")):
        argv = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"{source}=size=128x72:rate=25", "-t", str(SECONDS),
                "-pix_fmt", "yuv420p", "-g", "25", str(folder / f"{name}.mp4")]
        subprocess.run(argv, check=True)
    return [folder / "one.mp4", folder / "two.mp4"]


@pytest.fixture(scope="module")
def models(tmp_path_factory, save_detector, save_clip_model):
    folder = tmp_path_factory.mktemp("models")
    clip_model = save_clip_model(folder / "clips", labels=("Goal", "Save"), sampling={"fps": "5", "stride_ms": 800})
    return save_detector(folder / "detector.pt"), clip_model


@pytest.fixture
def settings(tmp_path, models):
    return Settings(working_dir=tmp_path / "work", scratch_dir=tmp_path / "scratch", use_gpu="false", max_workers=1,
                    yolo_model_path=models[0], action_model_path=models[1])


def prepare(settings, films, chunks):
    """Write what `register`, `probe` and `plan_chunks` would; chunks are (start_ms, end_ms, hot windows)."""
    files = WorkFiles(settings.working_dir, MATCH)
    recordings = [recording_to_plain(probe_recording(film, fingerprint(film))) for film in films]
    plain = [{"chunk_id": f"chunk-{index:04d}", "index": index, "start_ms": start, "end_ms": end, "hot": hot}
             for index, (start, end, hot) in enumerate(chunks)]
    fingerprints = tuple(recording["fingerprint"] for recording in recordings)
    save_request(Request(MATCH, tuple(map(str, films)), fingerprints, ("highlights",)), settings)
    reuse_or_compute(files.probe, "probe", {}, lambda: {"recordings": recordings, "sidecar": {}}, force=True)
    reuse_or_compute(files.chunks, "plan_chunks", {}, lambda: {"chunks": plain}, force=True)


def moments(outcome, key="windows"):
    return [entry["match_ms"] for entry in outcome.result[key]]


def test_every_step_of_the_hot_windows_has_a_glance_and_every_window_its_scores(settings, films):
    prepare(settings, films[:1], [(0, 9000, [[1000, 4000], [6000, 20_000]])])
    outcome = spot_chunk(MATCH, "chunk-0000", settings)
    assert moments(outcome) == [1600, 2400, 3200, 6400, 7200, 8000, 8800]
    assert moments(outcome, "glances") == [*range(1000, 4000, 200), *range(6000, 9000, 200)]
    for window in outcome.result["windows"]:
        assert set(window["scores"]) <= {"Goal", "Save"}
        assert all(score == round(score, 3) >= 0.05 for score in window["scores"].values())
    assert [plain_glance(glance_from_plain(one)) for one in outcome.result["glances"]] == outcome.result["glances"]
    assert any(one["people"] for one in outcome.result["glances"])


def test_the_camera_is_known_from_the_first_step_on_but_at_the_beginning_of_a_recording(settings, films):
    prepare(settings, films[:1], [(0, 9000, [[0, 600], [3000, 3600]])])
    glances = spot_chunk(MATCH, "chunk-0000", settings).result["glances"]
    assert [one["match_ms"] for one in glances if one["camera"] is None] == [0]


def test_without_a_clip_model_no_window_is_looked_at_and_none_is_loaded(settings, films, monkeypatch):
    prepare(settings, films[:1], [(0, 9000, [[0, 3000]])])
    both = spot_chunk(MATCH, "chunk-0000", settings).result
    monkeypatch.setattr(work, "ClipModel", lambda *_, **__: pytest.fail("a clip model was loaded"))
    alone = spot_chunk(MATCH, "chunk-0000", replace(settings, action_model_path=None)).result
    assert alone == {"glances": both["glances"], "windows": []}


def test_measurements_stand_beside_the_result(settings, films):
    prepare(settings, films[:1], [(0, 9000, [[0, 3000]])])
    outcome = spot_chunk(MATCH, "chunk-0000", settings)
    stats = read_stats(WorkFiles(settings.working_dir, MATCH).spottings("chunk-0000"))
    assert set(outcome.result) == {"glances", "windows"}
    assert stats["device"] == "cpu"
    assert (stats["steps"], stats["windows"]) == (15, 4)
    # 25 a second up to 2.8 s, and for the windows five a second up to one after 2.4 s.
    assert stats["frames"] == 71 + 14
    assert {"decode_wait_s", "detector_frames_per_s", "clip_windows_per_s", "wall_s"} <= set(stats)
    assert {name: stats[name] for name in ("detector", "clip_model")} == {
        "detector": model_digest(settings.yolo_model_path), "clip_model": model_digest(settings.action_model_path)}


@pytest.mark.parametrize("border", [9600, 10_600, 12_345, 13_100])
def test_the_borders_of_chunks_change_nothing(settings, films, border):
    #  match   |--------- one, 9 s ---------|--------- two, 9 s ---------|
    #  hot                                    9500 ......... 15_000
    prepare(settings, films, [(9000, 18_000, [[9500, 15_000]])])
    whole = spot_chunk(MATCH, "chunk-0000", settings).result
    prepare(settings, films, [(9000, border, [[9500, border]]), (border, 18_000, [[border, 15_000]])])
    parts = [spot_chunk(MATCH, f"chunk-000{index}", settings).result for index in (0, 1)]
    assert [one for part in parts for one in part["windows"]] == whole["windows"]
    assert [one for part in parts for one in part["glances"]] == whole["glances"]


def test_frames_of_one_recording_do_not_reach_into_the_next(settings, films):
    prepare(settings, films, [(9000, 18_000, [[9000, 12_000]])])
    after = spot_chunk(MATCH, "chunk-0000", settings).result
    prepare(settings, [films[1], films[1]], [(9000, 18_000, [[9000, 12_000]])])
    assert spot_chunk(MATCH, "chunk-0000", settings).result == after


def test_a_recording_that_comes_later_leaves_the_chunks_of_the_others_as_they_are(settings, films, monkeypatch):
    prepare(settings, films[:1], [(0, 9000, [[0, 2000]])])
    before = spot_chunk(MATCH, "chunk-0000", settings).result
    prepare(settings, films, [(0, 9000, [[0, 2000]]), (9000, 18_000, [[9000, 10_000]])])
    monkeypatch.setattr(work, "Detector", lambda *_, **__: pytest.fail("a whole result was computed again"))
    assert spot_chunk(MATCH, "chunk-0000", settings).result == before


def test_a_whole_result_is_used_again_and_force_makes_it_anew(settings, films, monkeypatch):
    prepare(settings, films[:1], [(0, 9000, [[0, 2000]])])
    first = spot_chunk(MATCH, "chunk-0000", settings)
    assert not first.reused
    with monkeypatch.context() as patch:
        patch.setattr(work, "see_chunk", lambda *_: pytest.fail("computed again"))
        assert spot_chunk(MATCH, "chunk-0000", settings).digest == first.digest
    again = spot_chunk(MATCH, "chunk-0000", settings, force=True)
    assert not again.reused
    assert again.digest == first.digest


def test_a_moved_recording_is_the_same_recording(settings, films, tmp_path):
    prepare(settings, films[:1], [(0, 9000, [[0, 2000]])])
    first = spot_chunk(MATCH, "chunk-0000", settings)
    prepare(settings, [shutil.copy(films[0], tmp_path / "moved.mp4")], [(0, 9000, [[0, 2000]])])
    assert spot_chunk(MATCH, "chunk-0000", settings).digest == first.digest


def test_another_model_makes_another_result(settings, films, tmp_path):
    prepare(settings, films[:1], [(0, 9000, [[0, 2000]])])
    first = spot_chunk(MATCH, "chunk-0000", settings)
    other = shutil.copytree(settings.action_model_path, tmp_path / "other")
    config = json.loads((other / "config.json").read_text()) | {"recipe": "changed"}
    (other / "config.json").write_text(json.dumps(config))
    assert not spot_chunk(MATCH, "chunk-0000", replace(settings, action_model_path=other)).reused
    assert spot_chunk(MATCH, "chunk-0000", replace(settings, chunk_duration_sec=30), force=True).digest == first.digest


def test_a_chunk_without_a_moment_is_an_empty_result(settings, films):
    prepare(settings, films[:1], [(0, 9000, [[900, 1000]])])
    outcome = spot_chunk(MATCH, "chunk-0000", settings)
    assert outcome.result == {"glances": [], "windows": []}


def test_progress_is_told(settings, films):
    told = []
    prepare(settings, films[:1], [(0, 9000, [[0, 9000]])])
    with reporting_to(lambda *report: told.append(report)):
        spot_chunk(MATCH, "chunk-0000", settings)
    assert told[-1] == ("spot_chunk", "chunk-0000", 1.0)
    assert [fraction for _, _, fraction in told] == sorted(fraction for _, _, fraction in told)


@pytest.mark.parametrize("chunk_id", ["chunk-0007", "../../etc", "chunk"])
def test_an_unknown_chunk_is_a_wrong_request(settings, films, chunk_id):
    prepare(settings, films[:1], [(0, 9000, [[0, 900]])])
    with pytest.raises(UsageError, match="chunk"):
        spot_chunk(MATCH, chunk_id, settings)


def test_without_the_earlier_results_there_is_nothing_to_do(settings):
    save_request(Request(MATCH, ("/x.mp4",), ("0" * 64,), ()), settings)
    with pytest.raises(DamagedResultError):
        spot_chunk(MATCH, "chunk-0000", settings)


def test_a_missing_model_is_named(settings, films, tmp_path):
    prepare(settings, films[:1], [(0, 9000, [[0, 900]])])
    with pytest.raises(ModelError, match="YOLO_MODEL_PATH"):
        spot_chunk(MATCH, "chunk-0000", replace(settings, yolo_model_path=tmp_path / "gone.pt"))
