import subprocess
import sys

import pytest

from touchline.alone import alone

HOLDER = "import sys, time, pathlib; from touchline.alone import alone\n" \
         "with alone(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"


def test_only_one_holds_it_and_a_killed_holder_lets_go(tmp_path):
    lock = tmp_path / "lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(lock)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError), alone(lock, wait=False):
            pass
        holder.kill()
        with alone(lock):
            assert lock.exists()
    finally:
        holder.kill()
        holder.communicate()
    assert lock.exists()
