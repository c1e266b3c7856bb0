from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from touchline.domain.layout import WorkFiles
from touchline.errors import BadRecordingError, DamagedResultError
from touchline.results.request import save_request
from touchline.settings import Settings
from touchline.spotting.scoreboard import Reading, find_periods, find_score_changes
from touchline.steps import scan as step
from touchline.steps.probe import probe
from touchline.steps.register import register_match
from touchline.steps.scan import scan, scan_recording
from touchline.video.probe import probe_recording

MOVING = "testsrc2=s=320x180:r=10,noise=alls=12:allf=t"
BLACK = "color=black:s=320x180:r=10"
WHISTLE = "aevalsrc='0.01*(random(0)-0.5)+if(between(t,{at},{at}+0.6),0.3*sin(2*PI*3500*t),0)':s=48000"


def film(path: Path, picture: str, seconds: int, sound: str | None = None) -> Path:
    inputs = ["-f", "lavfi", "-i", f"{picture}"]
    inputs += ["-f", "lavfi", "-i", sound, "-c:a", "aac"] if sound else []
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "100", "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-v", "error", *inputs, *codec, "-t", str(seconds), path], check=True)
    return path


def scanned(paths: list[Path], settings: Settings) -> dict:
    match_id = register_match(paths, settings).match_id
    probe(match_id, settings)
    return scan(match_id, settings).result


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    return {
        "black": film(folder / "black.mp4", BLACK, 300, "anullsrc=r=48000:cl=mono"),
        "black with whistle": film(folder / "whistle.mp4", BLACK, 300, WHISTLE.format(at=100)),
        "moving": film(folder / "moving.mp4", MOVING, 90),
        "frozen": film(folder / "frozen.mp4", "testsrc2=s=320x180:r=10:d=0.1,loop=-1:1:0", 150),
        "odd": film(folder / "odd.mp4", MOVING, 7, WHISTLE.format(at=2)),
    }


def test_five_black_and_silent_minutes_have_no_hot_window(films, own_settings):
    result = scanned([films["black"]], own_settings)
    assert result["hot"] == []
    assert result["duration_ms"] == 300_000
    assert not any(result["motion"] + result["surge"] + result["whistle"])


def test_every_signal_has_one_number_per_step_with_three_decimals(films, own_settings):
    result = scanned([films["odd"]], own_settings)
    assert result["step_ms"] == 500
    for name in ("motion", "loudness_db", "surge", "whistle"):
        assert len(result[name]) == 14
        assert all(value == round(value, 3) for value in result[name])
    assert all(0 <= value <= 1 for value in result["motion"] + result["surge"] + result["whistle"])
    assert result["whistle"][4] > 0.2


def test_sound_makes_a_black_stretch_hot(films, own_settings):
    assert scanned([films["black with whistle"]], own_settings)["hot"] == [pytest.approx([92_000, 109_000], abs=1000)]


def test_a_short_match_is_hot_as_a_whole(films, own_settings):
    assert scanned([films["moving"]], own_settings)["hot"] == [[0, 90_000]]


def test_a_recording_without_sound_has_no_sound_values(films, own_settings):
    result = scanned([films["moving"]], own_settings)
    assert result["loudness_db"] == result["surge"] == result["whistle"] == []
    assert len(result["motion"]) == 180


def test_several_recordings_share_one_clock(films, own_settings):
    # match:  odd 0-7 s | frozen 7-157 s | moving 157-247 s
    result = scanned([films["odd"], films["frozen"], films["moving"]], own_settings)
    assert result["duration_ms"] == 247_000
    assert {len(result[name]) for name in ("motion", "loudness_db", "surge", "whistle")} == {494}
    assert result["whistle"][4] > 0.2
    assert set(result["loudness_db"][20:]) == {-100.0}
    assert max(result["motion"][14:314]) == 0
    assert min(result["motion"][316:]) > 0
    assert result["hot"][0][0] == 0
    assert result["hot"][0][1] <= 16_000
    assert result["hot"][-1][0] == pytest.approx(149_000, abs=1000)
    assert result["hot"][-1][1] == 247_000


def test_when_a_recording_comes_the_others_are_not_read_again(films, own_settings, monkeypatch):
    names = ["odd", "frozen", "moving"]
    fresh = scanned([films[name] for name in names], own_settings)
    request = register_match([films[name] for name in names[:2]], own_settings)
    probe(request.match_id, own_settings)
    scan(request.match_id, own_settings)
    read, real = [], step.scan_recording
    monkeypatch.setattr(step, "scan_recording", lambda one, *rest: read.append(Path(one.path).stem) or real(one, *rest))
    whole = register_match([films[name] for name in names], own_settings)
    save_request(replace(whole, match_id=request.match_id), own_settings)
    probe(request.match_id, own_settings)
    again = scan(request.match_id, own_settings)
    assert again.result == fresh
    assert read == ["moving"]
    scan(request.match_id, own_settings, force=True)
    assert read == ["moving", *names]


def test_the_same_recording_gives_the_same_bytes_and_is_reused(films, own_settings):
    match_id = register_match([films["odd"]], own_settings).match_id
    probe(match_id, own_settings)
    files = WorkFiles(own_settings.working_dir, match_id)
    assert not scan(match_id, own_settings).reused
    first = files.scan.read_bytes()
    assert scan(match_id, own_settings).reused
    assert not scan(match_id, own_settings, force=True).reused
    assert files.scan.read_bytes() == first


def test_the_speed_stands_beside_the_result(films, own_settings):
    match_id = register_match([films["moving"]], own_settings).match_id
    probe(match_id, own_settings)
    scan(match_id, own_settings)
    stats = json.loads(WorkFiles(own_settings.working_dir, match_id).scan.with_suffix(".stats.json").read_text())
    assert stats["packets"] == 900
    assert stats["frames_per_s"] > 0
    assert stats["hot_part"] == 1


def shifted(path: Path, seconds: int, at_s: float) -> bytes:
    """A stream whose clock begins at a time."""
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    sound = ["-f", "lavfi", "-i", "anoisesrc=a=0.01"]
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", MOVING, *sound, *codec, "-t", str(seconds),
                    "-output_ts_offset", str(at_s), "-y", path], check=True)
    return path.read_bytes()


def test_minutes_without_a_picture_are_told_and_not_looked_at(tmp_path, own_settings, capsys):
    # match:  0 picture 6 | nothing 606 | picture 612 s
    path = tmp_path / "jump.ts"
    path.write_bytes(shifted(tmp_path / "a.ts", 6, 0) + shifted(tmp_path / "b.ts", 6, 606))
    result = scanned([path], own_settings)
    assert result["duration_ms"] == pytest.approx(612_000, abs=200)
    assert [[round(at / 1000) for at in window] for window in result["hot"]] == [[0, 6], [606, 612]]
    assert "jump.ts has no picture from 0:06 to 10:06: nothing is looked for there\n" in capsys.readouterr().err
    match_id = register_match([path], own_settings).match_id
    stats = json.loads(WorkFiles(own_settings.working_dir, match_id).scan.with_suffix(".stats.json").read_text())
    assert (stats["looks"], len(stats["notes"])) == (0, 1)


def test_a_second_recording_too_short_for_the_probe_to_see_is_refused_with_the_moment(tmp_path, own_settings):
    path = tmp_path / "joined.flv"
    first, second = film(tmp_path / "a.flv", MOVING, 15), film(tmp_path / "b.flv", MOVING, 15)
    path.write_bytes(first.read_bytes() + second.read_bytes()[13:])
    with pytest.raises(BadRecordingError, match=r"joined\.flv holds two recordings: its clock goes back from 0:15 to"):
        scanned([path], own_settings)


def test_pictures_after_the_end_that_was_found_are_not_lost_in_silence(films, own_settings):
    recording = probe_recording(films["moving"], "")
    with pytest.raises(BadRecordingError, match=r"has 7[78]. pictures after its end at 0:10: export it again"):
        scan_recording(replace(recording, duration_ms=10_000), 1, lambda done_ms: None)


def test_scanning_needs_the_result_of_probe(films, own_settings):
    match_id = register_match([films["odd"]], own_settings).match_id
    with pytest.raises(DamagedResultError):
        scan(match_id, own_settings)


def test_clock_and_score_in_the_picture_are_read(own_settings, tmp_path):
    """150 s of a broadcast; the score goes up at 80 s."""
    path = tmp_path / "broadcast.mp4"
    raw = ["-f", "rawvideo", "-pix_fmt", "bgr24", "-s", "480x270", "-r", "2", "-i", "pipe:"]
    coded = ["-g", "10", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", path]
    frames = subprocess.Popen(["ffmpeg", "-v", "error", *raw, *coded], stdin=subprocess.PIPE)
    grass = np.random.default_rng(1).integers(60, 110, (270, 480, 3), np.uint8)
    for number in range(300):
        second, picture = number // 2, np.roll(grass, 3 * number, axis=1)
        cv2.rectangle(picture, (16, 14), (250, 36), (30, 30, 30), -1)
        words = f"{12 + second // 60}:{second % 60:02d}  HOM {int(second >= 80)}-0 AWY"
        cv2.putText(picture, words, (20, 31), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (255, 255, 255), 1, cv2.LINE_AA)
        frames.stdin.write(picture.tobytes())
    frames.stdin.close()
    assert frames.wait() == 0
    readings = [Reading(one["match_ms"], one["clock_s"], tuple(one["score"]) if one["score"] else None)
                for one in scanned([path], own_settings)["graphic"]]
    (period,) = find_periods(readings)
    assert period.zero_ms == pytest.approx(-720_000, abs=1000)
    (goal,) = find_score_changes(readings)
    assert (goal.old, goal.new) == ((0, 0), (1, 0))
    assert goal.before_ms < 80_000 <= goal.after_ms
