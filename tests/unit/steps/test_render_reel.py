import hashlib
import shutil
import subprocess
from dataclasses import replace
from fractions import Fraction

import pytest

from support.merged import merged
from touchline.beneath.folder import temporary_name
from touchline.domain.layout import ScratchFiles, WorkFiles
from touchline.errors import BadRecordingError, DamagedResultError, TouchlineError, UsageError
from touchline.results.fingerprint import fingerprint
from touchline.results.request import Request, save_request
from touchline.results.result import read_stats, reuse_or_compute
from touchline.results.thumbnails import read_thumbnail
from touchline.settings import Settings
from touchline.steps.plan_reels import plan_reels
from touchline.steps.render_reel import render_reel
from touchline.video.plain import recording_to_plain
from touchline.video.probe import probe_recording
from touchline.video.verify import verify_video

MATCH = "cup-final-0123456789ab"


def _film(path, seconds, *, rate=25, sound=True):
    """A small recording of our own: a test picture with a running clock, and a tone."""
    argv = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s=160x90:r={rate}:d={seconds}"]
    if sound:
        argv += ["-f", "lavfi", "-i", f"sine=440:d={seconds}", "-c:a", "aac"]
    argv += ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(argv, check=True)
    return path


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nas")
    return [_film(folder / "first.mp4", 30), _film(folder / "second.mp4", 20, rate=30, sound=False)]


@pytest.fixture
def settings(tmp_path, films):
    settings = Settings(working_dir=tmp_path / "work", scratch_dir=tmp_path / "scratch", use_gpu="false", max_workers=1)
    _of_recordings(settings, films)
    return settings


def _of_recordings(settings, films):
    digests = tuple(map(fingerprint, films))
    save_request(Request(MATCH, tuple(map(str, films)), digests, ("highlights", "keeper")), settings)
    recordings = [recording_to_plain(probe_recording(film, name)) for film, name in zip(films, digests, strict=True)]
    probe = {"recordings": recordings, "sidecar": {"kick_offs_ms": []}}
    reuse_or_compute(WorkFiles(settings.working_dir, MATCH).probe, "probe", {}, lambda: probe, force=True)


def _plan(settings, *actions):
    found = [
        {"match_ms": ms, "half": 1, "position_ms": ms, "label": label, "confidence": 0.9, "source": "model",
         "team": None}
        for ms, label in actions
    ]
    files = WorkFiles(settings.working_dir, MATCH)
    reuse_or_compute(files.actions, "merge_actions", {}, lambda: merged(*found), force=True)
    plan_reels(MATCH, settings)
    return files


def test_a_reel_has_its_clips_in_order_and_every_frame_of_them(settings):
    files = _plan(settings, (10_000, "Save"), (40_000, "Goal kick"))
    result = render_reel(MATCH, "keeper", settings).result
    first, second = result["clips"]
    assert (first["recording"], first["recording_start_ms"], first["start_ms"], first["end_ms"]) == (
        0,
        2000,
        2000,
        16_000,
    )
    assert (second["recording"], second["recording_start_ms"], second["start_ms"]) == (1, 7000, 37_000)
    assert (first["reel_start_ms"], second["reel_start_ms"]) == (0, 14_000)
    assert (result["frames"], result["duration_ms"]) == (24 * 25, 24_000)
    verify_video(files.reel_video("keeper"), 24 * 25, 24_000)
    assert result["sha256"] == hashlib.sha256(files.reel_video("keeper").read_bytes()).hexdigest()


def test_no_frame_is_lost_where_one_recording_follows_the_other(settings, tmp_path):
    # 59.94 frames a second: recording 1 |...|718|719|   recording 2 |0|1|...   the mark lies on the border
    films = [_film(tmp_path / f"GX0{number}0042.MP4", 12.012, rate="60000/1001") for number in (1, 2)]
    _of_recordings(settings, films)
    files = _plan(settings, (12_000, "Save"))
    result = render_reel(MATCH, "keeper", settings).result
    assert [clip["recording"] for clip in result["clips"]] == [0, 1]
    first, second = result["clips"]
    begin, end = (int((Fraction(at_ms, 1000) + Fraction(1, 1000)) * Fraction(60000, 1001))
                  for at_ms in (first["start_ms"], second["end_ms"] - 12_012))
    assert result["frames"] == (720 - begin) + end
    verify_video(files.reel_video("keeper"), result["frames"], result["duration_ms"])
    asked = ["-show_entries", "stream=r_frame_rate,avg_frame_rate", "-of", "csv=p=0", "-select_streams", "v"]
    argv = ["ffprobe", "-v", "error", *asked, files.reel_video("keeper")]
    assert subprocess.check_output(argv, text=True).strip() == "60000/1001,60000/1001"


def test_each_clip_has_a_thumbnail(settings):
    files = _plan(settings, (10_000, "Save"), (40_000, "Goal kick"))
    result = render_reel(MATCH, "keeper", settings).result
    assert result["thumbnails"] == [f"{clip['clip_id']}.jpg" for clip in result["clips"]]
    for name in result["thumbnails"]:
        assert read_thumbnail(files, "keeper", name).startswith(b"\xff\xd8\xff")


def test_a_clip_of_both_reels_is_cut_once(settings):
    files = _plan(settings, (10_000, "Save"))
    render_reel(MATCH, "highlights", settings)
    render_reel(MATCH, "keeper", settings)
    assert read_stats(files.reel("highlights"))["clips_cut"] == 1
    assert read_stats(files.reel("keeper"))["clips_cut"] == 0
    assert files.reel_video("highlights").read_bytes() == files.reel_video("keeper").read_bytes()


def test_a_reel_without_clips_is_a_success_that_says_so(settings, capsys):
    files = _plan(settings, (10_000, "Save"))
    render_reel(MATCH, "highlights", settings)
    _plan(settings)
    capsys.readouterr()
    result = render_reel(MATCH, "highlights", settings).result
    assert (result["frames"], result["clips"]) == (0, [])
    assert not files.reel_video("highlights").exists()
    assert capsys.readouterr().out == "highlights: no clips, so no video\n"
    assert render_reel(MATCH, "highlights", settings).reused


def _of_one(settings, film):
    """A match of this recording alone, with a save in it."""
    digest = fingerprint(film)
    save_request(Request(MATCH, (str(film),), (digest,), ("highlights", "keeper")), settings)
    probe = {"recordings": [recording_to_plain(probe_recording(film, digest))], "sidecar": {"kick_offs_ms": []}}
    reuse_or_compute(WorkFiles(settings.working_dir, MATCH).probe, "probe", {}, lambda: probe, force=True)
    return _plan(settings, (10_000, "Save"))


def test_pictures_are_copied_where_that_is_possible(settings, films, capsys):
    files = _of_one(settings, films[0])
    copied = render_reel(MATCH, "highlights", settings).result
    assert read_stats(files.reel("highlights"))["copied"]
    assert "not copied" not in capsys.readouterr().out
    encoded = render_reel(MATCH, "highlights", replace(settings, output_codec="auto")).result
    assert not read_stats(files.reel("highlights"))["copied"]
    assert copied["sha256"] != encoded["sha256"]
    assert {**copied, "sha256": 0, "size_bytes": 0} == {**encoded, "sha256": 0, "size_bytes": 0}


def test_clips_may_start_earlier_where_nothing_of_them_has_to_be_encoded(settings, films):
    files = _of_one(settings, films[0])  # key frames every 2 s; the clip of a save starts 8 s before it
    _plan(settings, (11_300, "Save"), (26_500, "Save"))
    exact = render_reel(MATCH, "keeper", settings).result
    earlier = render_reel(MATCH, "keeper", replace(settings, output_start_earlier_sec=2)).result
    assert [clip["start_ms"] for clip in exact["clips"]] == [3300, 18_500]
    assert [clip["start_ms"] for clip in earlier["clips"]] == [2000, 18_000]
    assert earlier["clips"][0]["recording_start_ms"] == 2000
    for one, other in zip(exact["clips"], earlier["clips"], strict=True):
        assert one["end_ms"] - 40 < other["end_ms"] <= one["end_ms"] + 200
    assert earlier["clips"][1]["reel_start_ms"] == earlier["clips"][0]["end_ms"] - 2000
    assert earlier["duration_ms"] == sum(clip["end_ms"] - clip["start_ms"] for clip in earlier["clips"])
    verify_video(files.reel_video("keeper"), earlier["frames"], earlier["duration_ms"])


def test_the_pieces_that_a_killed_copy_left_are_removed(settings, films):
    _of_one(settings, films[0])
    render_reel(MATCH, "highlights", settings)
    [clip] = settings.scratch_dir.rglob("clips/*.mov")
    left = [clip.with_name(f".{clip.stem}.0123456789abcdef.part.{kind}") for kind in ("mov", "flv")]
    clip.unlink()
    for path in left:
        path.write_text("half")
    render_reel(MATCH, "highlights", settings, force=True)
    assert not any(path.exists() for path in left)
    assert clip.exists()


def test_what_lies_in_one_of_two_recordings_is_copied_whatever_the_other_is(settings):
    files = _plan(settings, (10_000, "Save"))
    render_reel(MATCH, "highlights", settings)
    assert read_stats(files.reel("highlights"))["copied"]


def test_one_line_says_why_pictures_are_encoded(settings, capsys):
    files = _plan(settings, (30_000, "Save"))
    render_reel(MATCH, "highlights", settings)
    assert not read_stats(files.reel("highlights"))["copied"]
    said = [line for line in capsys.readouterr().out.splitlines() if "not copied" in line]
    assert said == ["highlights: pictures are encoded, not copied: reels have another rate (second.mp4)"]


def test_a_reel_of_copies_that_fails_its_check_is_encoded(settings, films, monkeypatch, capsys):
    files, tries = _of_one(settings, films[0]), []

    def damaged_once(*arguments):
        tries.append(arguments)
        if len(tries) == 1:
            raise TouchlineError("highlights.mp4 is damaged")
        verify_video(*arguments)

    monkeypatch.setattr("touchline.reels.render.verify_video", damaged_once)
    render_reel(MATCH, "highlights", settings)
    assert len(tries) == 2
    assert not read_stats(files.reel("highlights"))["copied"]
    assert "highlights.mp4 is damaged" in capsys.readouterr().out
    assert not list(settings.scratch_dir.rglob("*.mov"))


@pytest.mark.parametrize("share", [0.2, 0.35, 0.5])
def test_a_damaged_recording_never_gives_a_damaged_reel(settings, films, tmp_path, share):
    content = bytearray(films[0].read_bytes())
    at = int(len(content) * share)
    content[at : at + 3000] = bytes(3000)
    film = tmp_path / "damaged.mp4"
    film.write_bytes(content)
    files = _of_one(settings, film)
    result = render_reel(MATCH, "highlights", settings).result
    verify_video(files.reel_video("highlights"), result["frames"], result["duration_ms"])


def test_a_finished_reel_is_reused_until_it_is_damaged(settings):
    files = _plan(settings, (10_000, "Save"))
    whole = render_reel(MATCH, "highlights", settings)
    assert render_reel(MATCH, "highlights", settings).reused
    video = files.reel_video("highlights")
    content = video.read_bytes()
    video.write_bytes(content[:-10] + b"0123456789")
    again = render_reel(MATCH, "highlights", settings)
    assert not again.reused
    assert again.digest == whole.digest
    assert video.read_bytes() == content
    (files.thumbnails("highlights") / whole.result["thumbnails"][0]).unlink()
    assert not render_reel(MATCH, "highlights", settings).reused


def test_another_quality_is_another_reel(settings):
    _plan(settings, (10_000, "Save"))
    first = render_reel(MATCH, "highlights", settings)
    assert render_reel(MATCH, "highlights", replace(settings, output_crf=35)).digest != first.digest


def test_the_same_reel_rendered_from_nothing_has_the_same_bytes(settings):
    files = _plan(settings, (10_000, "Save"), (40_000, "Goal"))
    first = render_reel(MATCH, "highlights", settings)
    shutil.rmtree(settings.scratch_dir)
    files.reel_video("highlights").unlink()
    assert render_reel(MATCH, "highlights", settings).digest == first.digest


def test_what_killed_attempts_left_is_removed(settings):
    files, scratch = _plan(settings, (10_000, "Save")), ScratchFiles(settings.scratch_dir, MATCH)
    remains = [
        files.reel_video("highlights").with_name(temporary_name("highlights.mp4")),
        scratch.root / "join-highlights" / "highlights.mp4",
    ]
    for path in remains:
        path.parent.mkdir(parents=True)
        path.write_text("half")
    render_reel(MATCH, "highlights", settings)
    assert not any(path.exists() for path in remains)
    assert not list(files.root.rglob("*.part*"))


def test_a_reel_that_fails_its_check_has_no_video_and_its_clips_are_cut_anew(settings, monkeypatch):
    files = _plan(settings, (30_000, "Save"))

    tries = []

    def damaged(*_):
        tries.append(1)
        raise TouchlineError("highlights.mp4 is damaged")

    with monkeypatch.context() as patch:
        patch.setattr("touchline.reels.render.verify_video", damaged)
        with pytest.raises(BadRecordingError, match=r"first\.mp4 and second\.mp4: highlights\.mp4 is damaged; export"):
            render_reel(MATCH, "highlights", settings)
    assert tries == [1, 1], "once more, in case the storage was at fault, and no third time"
    assert not files.reel_video("highlights").exists()
    render_reel(MATCH, "highlights", settings)
    assert read_stats(files.reel("highlights"))["clips_cut"] == 2, "the clip has a piece in each recording"


def test_an_unknown_reel_is_a_wrong_request(settings):
    _plan(settings)
    with pytest.raises(UsageError, match="use highlights, keeper"):
        render_reel(MATCH, "../etc", settings)


def test_a_plan_without_the_reel_has_to_be_made_again(settings):
    files = WorkFiles(settings.working_dir, MATCH)
    reuse_or_compute(files.reels, "plan_reels", {}, lambda: {"reels": {}}, force=True)
    with pytest.raises(DamagedResultError, match="run plan-reels again"):
        render_reel(MATCH, "keeper", settings)
