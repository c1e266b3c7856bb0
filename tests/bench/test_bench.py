"""The bench measures what it says."""

from __future__ import annotations

import sys

import pytest

from bench.watched import folder_mib, run_watched

EATS = """
import subprocess, sys, time
child = "x = bytearray(150 << 20); import time; time.sleep(1.5)"
open(sys.argv[1] + "/big", "wb").write(bytes(8 << 20))
subprocess.run([sys.executable, "-c", child])
"""


def test_memory_of_a_child_and_disk_are_seen(tmp_path):
    cost = run_watched([sys.executable, "-c", EATS, str(tmp_path)], {}, tmp_path, tmp_path / "log")
    assert 150 < cost.memory_mib < 300
    assert 7.9 < cost.scratch_mib < 9
    assert cost.wall_s > 1.5


def test_a_command_that_fails_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="exit code 3: read"):
        run_watched([sys.executable, "-c", "raise SystemExit(3)"], {}, tmp_path, tmp_path / "log")


def test_an_empty_folder_takes_nothing(tmp_path):
    assert folder_mib(tmp_path) == 0
