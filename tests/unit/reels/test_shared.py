import signal
import subprocess
import sys
import time

import pytest

from touchline.errors import TouchlineError
from touchline.reels.shared import make_once

MAKER = """
import sys, time
from pathlib import Path
from touchline.reels.shared import make_once
def make(path):
    path.write_text("made by " + sys.argv[2])
    print("making", flush=True)
    time.sleep(float(sys.argv[3]))
print(make_once(Path(sys.argv[1]), make), flush=True)
"""


def _maker(target, name, seconds):
    return subprocess.Popen(
        [sys.executable, "-c", MAKER, str(target), name, str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )


def test_what_is_there_is_not_made_again(tmp_path):
    target = tmp_path / "clip.mkv"
    assert make_once(target, lambda path: path.write_text("first"))
    assert not make_once(target, lambda path: path.write_text("second"))
    assert target.read_text() == "first"


def test_of_two_at_once_one_makes_it_and_the_other_takes_it(tmp_path):
    target = tmp_path / "clip.mkv"
    first = _maker(target, "first", 0.7)
    assert first.stdout.readline() == "making\n"
    second = _maker(target, "second", 0)
    assert second.communicate(timeout=30)[0] == "False\n"
    assert first.communicate(timeout=30)[0] == "True\n"
    assert target.read_text() == "made by first"


def test_a_killed_maker_frees_its_lock_and_its_remains_are_removed(tmp_path):
    target = tmp_path / "clip.mkv"
    killed = _maker(target, "killed", 60)
    assert killed.stdout.readline() == "making\n"
    assert len(list(tmp_path.glob("*.part.mkv"))) == 1 or len(list(tmp_path.glob(".*.part.mkv"))) == 1
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdout.close()
    started = time.monotonic()
    assert make_once(target, lambda path: path.write_text("next"))
    assert time.monotonic() - started < 5
    assert target.read_text() == "next"
    assert list(tmp_path.glob(".*.part.mkv")) == []


def test_a_maker_that_fails_leaves_nothing(tmp_path):
    def fail(path):
        path.write_text("half")
        raise TouchlineError("no picture")

    with pytest.raises(TouchlineError):
        make_once(tmp_path / "clip.mkv", fail)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mkv.lock"]
