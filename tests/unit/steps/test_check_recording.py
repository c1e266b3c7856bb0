from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from touchline.cli import main
from touchline.errors import EXIT_STORAGE


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("nas") / "Été 50% match.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=128x64:r=25:d=3", path], check=True)
    return path


def answer(capsys) -> dict[str, object]:
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    return json.loads(lines[0])


def test_a_complete_recording_gives_exit_code_0(whole, capsys):
    assert main(["check-recording", str(whole)]) == 0
    assert answer(capsys) == {"path": str(whole), "complete": True, "bad": False, "reason": "", "duration_ms": 3000,
                              "usable_ms": None}


def test_half_a_recording_gives_exit_code_1_and_the_reason(whole, tmp_path, capsys):
    path = tmp_path / "half.mp4"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert main(["check-recording", str(path)]) == 1
    found = answer(capsys)
    assert (found["complete"], found["bad"], found["duration_ms"]) == (False, False, None)
    assert "not complete" in str(found["reason"])


def test_what_cannot_be_a_recording_gives_exit_code_3(tmp_path, capsys):
    (tmp_path / "notes.mp4").write_text("the first half is on the other card\n" * 99)
    assert main(["check-recording", str(tmp_path / "notes.mp4")]) == 3
    found = answer(capsys)
    assert (found["complete"], found["bad"]) == (False, True)
    assert "notes.mp4" in str(found["reason"])


@pytest.mark.parametrize("name", ["two\nlines.mp4", "tab\there.mp4", "\x1b[31mred.mp4", "line\u2028separator.mp4"])
def test_a_name_with_a_control_character_is_refused_in_one_line(whole, tmp_path, capsys, name):
    (tmp_path / name).write_bytes(whole.read_bytes())
    assert main(["check-recording", str(tmp_path / name)]) == 3
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == len(printed.err.splitlines()) == 1
    assert "in its name: rename it" in json.loads(printed.out)["reason"]


def test_one_that_is_away_is_not_judged(tmp_path, capsys):
    assert main(["check-recording", str(tmp_path / "gone.mp4")]) == EXIT_STORAGE
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "gone.mp4 is away or incomplete (No such file or directory); mount it again" in printed.err
