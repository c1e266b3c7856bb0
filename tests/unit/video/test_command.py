from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from touchline.errors import CommandError
from touchline.video.child import KEPT_LINES
from touchline.video.command import run, stream


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return False
    return state not in "ZX"


def wait_until_gone(pid: int, wait_s: float = 5.0) -> bool:
    deadline = time.monotonic() + wait_s
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid)


def test_gives_stdout_and_stderr_of_a_command_that_succeeds():
    done = run(python("import sys; print('out'); print('warned', file=sys.stderr)"), timeout_s=30)
    assert done.stdout == b"out\n"
    assert done.stderr == "warned"


def test_a_failure_carries_argv_exit_code_and_last_lines():
    argv = python("import sys; [print('line', n, file=sys.stderr) for n in range(50)]; sys.exit(7)")
    with pytest.raises(CommandError) as caught:
        run(argv, timeout_s=30)
    assert caught.value.argv == argv
    assert caught.value.returncode == 7
    assert caught.value.last_lines.endswith("line 48 | line 49")
    assert "\n" not in str(caught.value)


def test_a_command_that_is_not_installed_is_an_error_of_ours():
    with pytest.raises(CommandError, match="cannot be started"):
        run(["no-such-command-here"], timeout_s=5)


def test_arguments_never_reach_a_shell(tmp_path):
    nasty = f"a b; touch {tmp_path}/owned $(touch {tmp_path}/owned) '\""
    done = run([*python("import sys; print(sys.argv[1], end='')"), nasty], timeout_s=30)
    assert done.stdout.decode() == nasty
    assert not (tmp_path / "owned").exists()


def test_stops_a_command_that_takes_too_long():
    started = time.monotonic()
    with pytest.raises(CommandError, match="took too long"):
        run(["sleep", "60"], timeout_s=0.3)
    assert time.monotonic() - started < 10


def test_stops_a_command_that_closes_its_output_and_stays():
    with pytest.raises(CommandError, match="took too long"):
        run(python("import os, time; os.close(1); time.sleep(60)"), timeout_s=1)


def test_refuses_more_output_than_allowed():
    with pytest.raises(CommandError, match="more than 1000 bytes"):
        run(["head", "-c", "5000000", "/dev/zero"], timeout_s=30, max_bytes=1000)


def test_a_flood_on_stderr_neither_blocks_nor_grows():
    code = "import sys; [sys.stderr.write(f'{n} ' + 'x' * 2000 + chr(10)) for n in range(3000)]"
    done = run(python(code), timeout_s=30)
    lines = done.stderr.splitlines()
    assert len(lines) == KEPT_LINES
    assert lines[-1].startswith("2999 ")
    assert max(map(len, lines)) <= 500


def test_stderr_without_line_ends_does_not_grow():
    done = run(python("import sys; [sys.stderr.write('x' * 100000) for n in range(30)]"), timeout_s=30)
    assert len(done.stderr) <= 500


def test_every_line_of_stderr_is_reported():
    seen: list[str] = []
    run(python("import sys; [print(n, file=sys.stderr) for n in range(500)]"), timeout_s=30, on_line=seen.append)
    assert seen == [str(number) for number in range(500)]


def test_a_stream_comes_in_blocks_of_the_asked_size_and_a_rest():
    code = "import os, time\nfor n in range(10): os.write(1, bytes(7)); time.sleep(.01)"
    assert [len(block) for block in stream(python(code), block_bytes=16)] == [16, 16, 16, 16, 6]


def test_a_stream_whose_command_fails_raises_after_its_last_whole_block():
    blocks = stream(python("import sys; sys.stdout.write('x' * 8); sys.exit(3)"), block_bytes=4)
    assert next(blocks) == next(blocks) == b"xxxx"
    with pytest.raises(CommandError) as caught:
        next(blocks)
    assert caught.value.returncode == 3


def test_a_stream_that_stalls_is_stopped():
    blocks = stream(python("import time; print('x', flush=True); time.sleep(60)"), block_bytes=1, stall_s=0.5)
    next(blocks)
    next(blocks)
    with pytest.raises(CommandError, match="took too long"):
        next(blocks)


def test_a_slow_reader_is_no_stall():
    blocks = stream(["head", "-c", "4000000", "/dev/zero"], block_bytes=1_000_000, stall_s=0.5)
    next(blocks)
    time.sleep(1)
    assert sum(map(len, blocks)) == 3_000_000


@pytest.mark.parametrize("how", ["close", "error"])
def test_leaving_a_stream_ends_its_command(how):
    code = "import os, time; print(f'{os.getpid():09d}', flush=True); time.sleep(60)"
    blocks = stream(python(code), block_bytes=9)
    pid = int(next(blocks))
    assert is_alive(pid)
    if how == "close":
        blocks.close()
    else:
        with pytest.raises(RuntimeError):
            blocks.throw(RuntimeError("the reader failed"))
    assert not is_alive(pid)


def test_no_child_outlives_a_killed_parent():
    code = (
        "from touchline.video.command import stream\n"
        "child = \"import os, time; print(f'{os.getpid():09d}', flush=True); time.sleep(60)\"\n"
        "import sys, time\n"
        "blocks = stream([sys.executable, '-c', child], block_bytes=9)\n"
        "print(next(blocks).decode(), flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen(python(code), stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    assert is_alive(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert wait_until_gone(child)


def test_no_report_file_is_written_for_the_operator(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FFREPORT", "file=report.log")
    run(["ffmpeg", "-nostdin", "-version"], timeout_s=30)
    assert not list(tmp_path.iterdir())
