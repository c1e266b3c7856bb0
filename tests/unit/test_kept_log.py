"""What a process says is kept up to a size, in order, and nothing of it is lost."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from touchline_deploy.embedded.kept_log import KEPT, MOST_BYTES, KeptLog
from touchline_deploy.embedded.processes import Command, Processes

TALKS = """
import os, sys
for number in range(int(sys.argv[1])):
    os.write(1 + number % 2, b"line %07d %s\\n" % (number, b"x" * (number % 150)))
"""


def talking(lines: int) -> list[str]:
    return [sys.executable, "-c", TALKS, str(lines)]


def numbers(*paths: Path) -> list[int]:
    """Of all lines, the oldest file first; a line that is cut makes this fail."""
    lines = b"".join(path.read_bytes() for path in paths).splitlines(keepends=True)
    assert all(line.endswith(b"\n") and line.startswith(b"line ") for line in lines)
    return [int(line.split()[1]) for line in lines]


def files(path: Path) -> list[Path]:
    """The oldest first."""
    return [*sorted(path.parent.glob(f"{path.name}.*"), key=lambda each: -int(each.suffix[1:])), path]


def test_nothing_is_lost_of_a_process_that_writes_as_fast_as_it_can(tmp_path: Path) -> None:
    path, lines = tmp_path / "part.log", 60_000
    log = KeptLog(path, most_bytes=100_000, kept=1000)
    process = subprocess.Popen(talking(lines), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout
    log.follow(process.stdout)
    assert process.wait(60) == 0
    log.wait(30)
    assert numbers(*files(path)) == list(range(lines))
    assert len(files(path)) > 40
    assert all(each.stat().st_size < 100_000 + 200 for each in files(path))


def test_the_newest_files_stay_and_the_log_is_bounded(tmp_path: Path) -> None:
    path, lines = tmp_path / "part.log", 20_000
    log = KeptLog(path, most_bytes=50_000, kept=5)
    with subprocess.Popen(talking(lines), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout
        log.follow(process.stdout)
        process.wait(60)
        log.wait(30)
    assert [each.name for each in files(path)] == ["part.log.4", "part.log.3", "part.log.2", "part.log.1", "part.log"]
    found = numbers(*files(path))
    assert found == list(range(found[0], lines)) and found[0] > 0
    assert sum(each.stat().st_size for each in files(path)) < 5 * 50_200
    assert KEPT * MOST_BYTES == 50_000_000


def test_a_line_without_an_end_is_written_and_the_next_file_begins_after_it(tmp_path: Path) -> None:
    path = tmp_path / "part.log"
    log = KeptLog(path, most_bytes=1000, kept=3)
    argv = [sys.executable, "-c", "import os; os.write(1, b'x' * 200_000); os.write(1, b'\\nnext\\n')"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout
        log.follow(process.stdout)
        process.wait(60)
        log.wait(30)
    assert b"".join(each.read_bytes() for each in files(path)) == b"x" * 200_000 + b"\nnext\n"
    assert path.read_bytes() == b"next\n"


def test_a_log_that_cannot_be_written_does_not_stop_the_process(tmp_path: Path) -> None:
    log = KeptLog(tmp_path / "away" / "part.log")
    with subprocess.Popen(talking(20_000), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout
        log.follow(process.stdout)
        assert process.wait(60) == 0


def test_a_part_that_is_started_again_goes_on_in_its_log_which_is_bounded(tmp_path: Path) -> None:
    said, pids, lines = list[str](), list[int](), 60_000  # 5 MB in each life
    parts = Processes({"talker": Command(talking(lines), {})}, tmp_path, tmp_path, said.append,
                  lambda now: pids.extend(now.values()))
    parts.start()
    deadline = time.monotonic() + 60
    while len(said) < 2 and time.monotonic() < deadline:
        parts.look()
        time.sleep(0.05)
    parts.end()
    first, second = files(tmp_path / "talker.log")
    assert len(pids) == 2 and MOST_BYTES - 200 < first.stat().st_size < MOST_BYTES + 200
    assert numbers(first, second) == list(range(lines)) * 2
