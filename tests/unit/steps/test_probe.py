from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from touchline.domain.layout import WorkFiles
from touchline.errors import BadRecordingError, UsageError
from touchline.steps.probe import probe
from touchline.steps.register import register_match
from touchline.steps.scan import scan
from touchline.video.plain import recording_from_plain


@pytest.fixture
def recordings(own_settings) -> list[Path]:
    paths = [own_settings.nas_mount_path / name for name in ("first.mp4", "second.mkv")]
    for number, path in enumerate(paths, start=1):
        source = f"testsrc2=s=128x64:r=25:d={number}"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, path], check=True)
    return paths


@pytest.fixture
def match_id(recordings, own_settings) -> str:
    return register_match(recordings, own_settings).match_id


def test_writes_all_recordings_and_the_sidecar(match_id, recordings, own_settings):
    (recordings[0].parent / "marks.csv").write_text("time,label\n00:00:01.5,Save\n")
    result = probe(match_id, own_settings).result
    found = [recording_from_plain(item) for item in result["recordings"]]
    assert [recording.path for recording in found] == [str(path) for path in recordings]
    assert [recording.duration_ms for recording in found] == [1000, 2000]
    assert [recording.demuxer for recording in found] == ["mov", "matroska"]
    assert result["sidecar"]["marks"] == [{"match_ms": 1500, "label": "Save"}]
    assert WorkFiles(own_settings.working_dir, match_id).probe.exists()


def test_chapters_go_on_and_halves_do_not(own_settings):
    film, nas = own_settings.nas_mount_path / "film.mp4", own_settings.nas_mount_path
    argv = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "mandelbrot=s=320x180:r=25:end_scale=0.02", "-t", "6"]
    subprocess.run([*argv, "-pix_fmt", "yuv420p", "-g", "50", film], check=True)
    split = ["ffmpeg", "-v", "error", "-i", film, "-c", "copy", "-f", "segment", "-segment_time", "2"]
    subprocess.run([*split, "-reset_timestamps", "1", nas / "GX%02d0001.MP4"], check=True)
    chapters = sorted(nas.glob("GX*.MP4"))
    assert len(chapters) == 3
    for order, expected in ((chapters, [False, True, True]), ([chapters[0], chapters[2]], [False, False])):
        match_id = register_match(order, own_settings).match_id
        assert [one["goes_on"] for one in probe(match_id, own_settings).result["recordings"]] == expected


def test_what_two_recordings_have_in_common_counts_once(own_settings, capsys):
    nas, film = own_settings.nas_mount_path, own_settings.nas_mount_path / "film.mkv"
    argv = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "mandelbrot=s=320x180:r=25:end_scale=0.02"]
    argv += ["-f", "lavfi", "-i", "anoisesrc=c=pink:a=0.4:seed=7:r=48000", "-t", "14", "-pix_fmt", "yuv420p"]
    subprocess.run([*argv, "-g", "25", "-bf", "0", "-sc_threshold", "0", film], check=True)
    parts = [nas / "00000.mts", nas / "00001.mts"]
    for part, cut in zip(parts, (["-to", "9"], ["-ss", "6"]), strict=True):
        subprocess.run(["ffmpeg", "-v", "error", *cut, "-i", film, "-c:v", "copy", "-c:a", "mp2", part], check=True)
    match_id = register_match(parts, own_settings).match_id
    result = probe(match_id, own_settings).result
    assert [one["duration_ms"] for one in result["recordings"]] == pytest.approx([5000, 9000], abs=40)
    assert [one["goes_on"] for one in result["recordings"]] == [False, True]
    assert [one["overlap_ms"] for one in result["recordings"]] == pytest.approx([4000, 0], abs=300)
    assert "'00001.mts' begins 4.0 s before '00000.mts' ends: these seconds count once" in capsys.readouterr().out
    assert scan(match_id, own_settings).result["duration_ms"] == pytest.approx(14_000, abs=80)


def test_the_second_time_the_result_is_reused_and_force_computes_it_again(match_id, own_settings):
    first = probe(match_id, own_settings)
    again, forced = probe(match_id, own_settings), probe(match_id, own_settings, force=True)
    assert (first.reused, again.reused, forced.reused) == (False, True, False)
    assert first.digest == again.digest == forced.digest


def test_a_changed_note_is_noticed(match_id, recordings, own_settings):
    first = probe(match_id, own_settings)
    (recordings[0].parent / "match.toml").write_text('title = "Reds - Blues"\n')
    second = probe(match_id, own_settings)
    assert not second.reused
    assert second.result["sidecar"]["title"] == "Reds - Blues"
    assert first.digest != second.digest


def test_a_recording_that_changed_is_refused_even_with_a_stored_result(match_id, recordings, own_settings):
    probe(match_id, own_settings)
    with recordings[1].open("ab") as handle:
        handle.write(b"more")
    with pytest.raises(BadRecordingError, match=r"second\.mkv has changed since it was registered"):
        probe(match_id, own_settings)


def test_a_recording_without_a_picture_is_bad(own_settings):
    path = own_settings.nas_mount_path / "radio.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=440:d=1", path], check=True)
    match_id = register_match([path], own_settings).match_id
    with pytest.raises(BadRecordingError, match=r"radio\.mp4 has no picture"):
        probe(match_id, own_settings)


def test_a_match_id_must_be_one(own_settings):
    with pytest.raises(UsageError):
        probe("../../etc", replace(own_settings))
