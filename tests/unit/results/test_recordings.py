"""What was made from a recording counts only while the recording is the one that was registered."""

from dataclasses import replace
from fractions import Fraction

import pytest

from touchline.domain.layout import ScratchFiles
from touchline.domain.recording import Recording, VideoStream
from touchline.errors import BadRecordingError, StorageError
from touchline.results.fingerprint import fingerprint
from touchline.results.recordings import from_nearest


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"first film" * 100)
    video = VideoStream(0, "h264", "yuv420p", 64, 64, Fraction(25), Fraction(0))
    return Recording(str(path), path.stat().st_size, fingerprint(path), "mov", 1000, video, None)


@pytest.fixture
def scratch(tmp_path):
    return ScratchFiles(tmp_path / "scratch", "film-0123456789ab")


def written(recording, content):
    with open(recording.path, "wb") as handle:
        handle.write(content)
    return "made"


def test_what_is_made_while_nothing_changes_counts(recording, scratch):
    assert from_nearest([recording], scratch, lambda near: near[0].path) == recording.path


def test_another_film_of_the_same_size_is_noticed(recording, scratch):
    with pytest.raises(BadRecordingError, match=r"film.mp4 has changed since it was registered: register it again"):
        from_nearest([recording], scratch, lambda _: written(recording, b"other film" * 100))


@pytest.mark.parametrize("content", [b"first film" * 50, b"", b"first film" * 101])
def test_one_that_shrinks_or_grows_is_tried_again(recording, scratch, content):
    with pytest.raises(StorageError, match="changed while it was read"):
        from_nearest([recording], scratch, lambda _: written(recording, content))


def test_a_whole_copy_is_used_whatever_becomes_of_the_recording(recording, scratch):
    copy = scratch.recording(recording.fingerprint)
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"first film" * 100)
    written(recording, b"other")
    assert from_nearest([replace(recording)], scratch, lambda near: near[0].path) == str(copy)
