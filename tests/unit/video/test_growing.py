"""Chapters cut from a file that is still written hold each of its pictures once, in order, and their sound."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from touchline.errors import BadRecordingError
from touchline.video import growing
from touchline.video.audio import decode_audio
from touchline.video.growing import can_grow, cut_next
from touchline.video.probe import probe_recording

SECONDS = 16
KINDS = {
    "ts": ["-f", "mpegts"],
    "offset.ts": ["-output_ts_offset", "91234.5", "-f", "mpegts"],
    "mkv": ["-f", "matroska"],
    "own.mp4": ["-movflags", "frag_keyframe+empty_moov", "-f", "mp4"],
    "base.mp4": ["-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4"],
}


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """With B-pictures, a key frame every second, a click each second."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=s=320x180:r=25:d={SECONDS}",
                    "-f", "lavfi", "-i", f"aevalsrc='0.8*lt(mod(t,1),0.01)*sin(6283*t)':s=48000:d={SECONDS}",
                    "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "25", "-threads", "1", "-b:v", "2M",
                    "-c:a", "aac", path], check=True)
    return path


@pytest.fixture(scope="module", params=KINDS)
def written(request, film, tmp_path_factory):
    """The same as it is when its recorder has stopped."""
    path = tmp_path_factory.mktemp("written") / f"film.{request.param}"
    subprocess.run(["ffmpeg", "-v", "error", "-i", film, "-c", "copy", *KINDS[request.param], path], check=True)
    return path


def pictures(path):
    argv = ["ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-f", "framemd5", "-"]
    run = subprocess.run(argv, check=True, capture_output=True, text=True)
    assert not run.stderr, run.stderr
    return [line.rpartition(",")[2].strip() for line in run.stdout.splitlines() if not line.startswith("#")]


def grow_and_cut(written, folder, sizes, least_s=2.0):
    """The chapters that are cut when the file has these sizes, one after another."""
    content, grown, chapters, begin = written.read_bytes(), folder / f"grown{written.suffix}", [], None
    for size in sizes:
        grown.write_bytes(content[:size])
        chapter = folder / f"{len(chapters)}.mkv"
        cut = cut_next(grown, begin, least_s, chapter, folder / "part") if can_grow(grown) else None
        assert chapter.exists() == (cut is not None)
        assert not (folder / "part").exists()
        if cut:
            chapters.append(chapter)
            assert begin is None or cut.begin_us == pytest.approx(begin.time_us, abs=1000)
            assert cut.following.time_us - cut.begin_us >= least_s * 1e6
            begin = cut.following
    return chapters


@pytest.fixture(scope="module")
def chapters(written, tmp_path_factory):
    """What is cut when somebody looks at uneven moments."""
    size = written.stat().st_size
    return grow_and_cut(written, tmp_path_factory.mktemp("grown"), [int(part * size) for part in (0.3, 0.55, 0.6, 1)])


def test_the_chapters_hold_each_picture_of_the_beginning_once(written, chapters):
    found, whole = [picture for chapter in chapters for picture in pictures(chapter)], pictures(written)
    assert len(chapters) == 3  # between the second look and the third too little came
    assert found == whole[: len(found)]
    assert len(found) >= len(whole) - 3 * 25  # the last group is open, and 32 pictures lie after a key frame


def test_the_sound_goes_with_the_pictures(chapters):
    for chapter in chapters:
        recording = probe_recording(chapter, "")
        sound = np.concatenate(list(decode_audio(recording, sample_rate=8000)))
        loud = np.flatnonzero(np.abs(sound) > 0.2)
        clicks = loud[np.diff(loud, prepend=-8000) > 400] / 8
        assert len(clicks) >= recording.duration_ms // 1000 - 1
        assert np.minimum(clicks % 1000, -clicks % 1000).max() < 40, (chapter, clicks)


def test_no_picture_is_read_twice(written, tmp_path, monkeypatch):
    """What was cut before is a hole in what ffmpeg reads, or is not there at all."""
    monkeypatch.setattr(growing, "_LEAD_BYTES", 1 << 17)
    copied, real = [], growing._copy_part

    def measured(*arguments):
        found = real(*arguments)
        arguments[-1].flush()
        copied.append(Path(arguments[-1].name).stat().st_blocks * 512)
        return found

    monkeypatch.setattr(growing, "_copy_part", measured)
    size = written.stat().st_size
    assert len(grow_and_cut(written, tmp_path, [size * number // 5 for number in range(1, 6)])) >= 3
    assert sum(copied) < 2 * size


def test_too_little_is_no_chapter(written, tmp_path):
    assert grow_and_cut(written, tmp_path, [2000, 20_000]) == []


def test_an_mp4_whose_index_comes_last_cannot_be_read_while_it_grows(film, tmp_path):
    path = tmp_path / "camera.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-i", film, "-c", "copy", path], check=True)
    assert not can_grow(path)
    with pytest.raises(BadRecordingError, match="record as MPEG-TS"):
        cut_next(path, None, 2, tmp_path / "chapter.mkv", tmp_path / "part")
    assert [one.name for one in tmp_path.iterdir()] == ["camera.mp4"]


def test_of_an_open_group_nothing_is_lost_where_a_closed_one_is_near(film, tmp_path):
    """Every second group of pictures is open: the chapter ends before a closed one."""
    path = tmp_path / "open.ts"
    subprocess.run(["ffmpeg", "-v", "error", "-i", film, "-c:v", "libx264", "-x264-params",
                    "open-gop=1:keyint=25:min-keyint=25:bframes=3", "-force_key_frames", "expr:gte(t,n_forced*6)",
                    "-forced-idr", "1", "-threads", "1", "-an", path], check=True)
    chapters = grow_and_cut(path, tmp_path, [path.stat().st_size // 2, path.stat().st_size])
    found = [picture for chapter in chapters for picture in pictures(chapter)]
    assert len(chapters) == 2
    assert found == pictures(path)[: len(found)]
