"""What the sampler sends, and that a collector that fails or hangs is said once and stops no other."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from support.statsd_wire import Wire
from touchline.catalogue.connection import now_ms
from touchline.domain.layout import HostFiles
from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow.sampler import collector, host
from touchline_airflow.sampler.__main__ import all_collectors, watch
from touchline_airflow.sampler.collector import Collector

HOST = "main"
SMI = """#!/bin/sh
echo "0, 87, 20480, 81559"
echo "1, [N/A], [N/A], 40960"
"""
TABLES = """
CREATE TABLE dag_run (dag_id TEXT, run_id TEXT, state TEXT, queued_at DATETIME, run_after DATETIME);
CREATE TABLE task_instance (state TEXT, pool TEXT, pool_slots INTEGER, queue TEXT);
CREATE TABLE slot_pool (pool TEXT, slots INTEGER, include_deferred BOOLEAN);
CREATE TABLE job (job_type TEXT, state TEXT, latest_heartbeat DATETIME);
"""


# --- Parts ----------------------------------------------------------------------------------------------------------

def test_trouble_is_said_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    troubles = [OSError("away"), OSError("away again"), None, OSError("away")]

    def sample() -> None:
        if trouble := troubles.pop(0):
            raise trouble

    nas = Collector("the NAS", sample)
    for _ in range(4):
        nas.once()
    assert caplog.messages == ["the NAS: not sampled: away", "the NAS: sampled again", "the NAS: not sampled: away"]


def test_a_collector_that_hangs_or_fails_does_not_hold_the_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
                                                                  caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(collector, "HUNG_AFTER_SEC", 0.1)
    ended, samples = threading.Event(), []

    def count() -> None:
        samples.append(time.monotonic())
        if len(samples) == 20:
            ended.set()

    def fail() -> None:
        raise TouchlineError("no")

    heartbeat = tmp_path / "heartbeat"
    watch([Collector("a dead server", ended.wait), Collector("broken", fail), Collector("well", count)], ended, 0.02,
          heartbeat)
    assert len(samples) == 20 and heartbeat.exists()
    assert caplog.messages.count("a dead server: no answer for 0 s") == 1
    assert caplog.messages.count("broken: not sampled: no") == 1


def test_airflow_is_not_imported_and_a_signal_ends_it_at_once(wire: Wire, own_settings: Settings) -> None:
    code = "import sys, touchline_airflow.sampler.__main__; sys.exit('airflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    environ = {**os.environ, **folders(own_settings), "TOUCHLINE_HOST": HOST, "TOUCHLINE_METADATA_URL": "sqlite://"}
    with subprocess.Popen([sys.executable, "-m", "touchline_airflow.sampler"], env=environ, stdout=subprocess.PIPE,
                          text=True) as process:
        try:
            deadline, sent = time.monotonic() + 30, set()
            while not {"pipeline_cpu_utilization_percent.main", "pipeline_paused"} <= sent:
                assert time.monotonic() < deadline
                sent |= set(wire.values())
            began = time.monotonic()
            process.terminate()
            assert process.wait(5) == 0 and time.monotonic() - began < 1
        finally:
            process.kill()
        assert process.stdout
        told = process.stdout.read()
    assert "Sampling this machine, the NAS" in told and "Traceback" not in told


def test_only_the_main_machine_samples_the_deployment(own_settings: Settings) -> None:
    environ = folders(own_settings) | {"TOUCHLINE_METADATA_URL": "sqlite:////nowhere/airflow.db",
                                       "TOUCHLINE_HOSTS": "main,gpu1"}
    names = {name: {one.name for one in all_collectors({**environ, "TOUCHLINE_HOST": name})}
             for name in ("main", "gpu1")}
    assert names["main"] > names["gpu1"]
    assert {"matches", "workers", "backups"} <= names["main"] - names["gpu1"]


def folders(settings: Settings) -> dict[str, str]:
    return {name.upper(): str(getattr(settings, name))
            for name in ("nas_mount_path", "nas_output_path", "working_dir", "scratch_dir")}


# --- The machine ----------------------------------------------------------------------------------------------------

def test_a_machine_tells_how_it_is(wire: Wire, own_settings: Settings) -> None:
    for one in host.collectors(HOST, own_settings):
        one.once()
    sent = wire.values()
    assert 0 <= float(sent["pipeline_cpu_utilization_percent.main"].removesuffix("|g")) <= 100
    assert number(sent, "pipeline_memory_used_bytes.main") < number(sent, "pipeline_memory_bytes.main")
    for mount in ("nas_mount_path", "nas_output_path", "working_dir", "scratch_dir"):
        free, size = (number(sent, f"pipeline_disk_{what}.main.{mount}") for what in ("free_bytes", "bytes"))
        assert 0 < free < size
    assert number(sent, "pipeline_nas_up.main") == 1
    assert abs(number(sent, "pipeline_sampled_timestamp_seconds.main") - time.time()) < 10


def test_each_gpu_tells_what_it_can(wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "nvidia-smi", SMI, monkeypatch)
    host.sample_gpus(HOST)
    assert wire.values() == {"pipeline_gpu_utilization_percent.main.0": "87|g",
                             "pipeline_gpu_memory_used_bytes.main.0": f"{20480 << 20}|g",
                             "pipeline_gpu_memory_bytes.main.0": f"{81559 << 20}|g",
                             "pipeline_gpu_memory_bytes.main.1": f"{40960 << 20}|g"}


def test_a_gpu_that_is_lost_is_told_in_the_words_of_its_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "nvidia-smi", "#!/bin/sh\necho 'GPU is lost.  Reboot the system'\nexit 15\n", monkeypatch)
    with pytest.raises(TouchlineError, match="nvidia-smi: GPU is lost"):
        host.sample_gpus(HOST)


def test_the_nas_is_as_its_last_check_says_while_that_is_fresh(wire: Wire, own_settings: Settings) -> None:
    path = HostFiles(own_settings.working_dir, HOST).nas
    path.parent.mkdir(parents=True)
    found = {"state": "FAIL", "figures": {"open_ms": 1.5, "read_mb_s": 112.5}, "measured_at_ms": now_ms()}
    path.write_text(json.dumps(found))
    host.sample_nas(HOST, own_settings, [])
    assert wire.values() == {"pipeline_nas_up.main": "0|g", "pipeline_nas_read_latency_seconds.main": "0.0015|g",
                             "pipeline_nas_read_bytes_per_second.main": "112500000.0|g"}
    for hours in (-3, 3):  # long ago, and while the clock ran ahead
        path.write_text(json.dumps(found | {"measured_at_ms": now_ms() + hours * 3_600_000}))
        host.sample_nas(HOST, own_settings, [])
        assert wire.values() == {"pipeline_nas_up.main": "1|g"}


def test_a_mount_that_is_gone_or_does_not_answer_is_a_nas_that_is_away(wire: Wire, own_settings: Settings,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    mount = host.Mount(HOST, "nas_mount_path", own_settings.nas_mount_path)
    own_settings.nas_mount_path.rmdir()
    with pytest.raises(FileNotFoundError):
        mount.sample()
    host.sample_nas(HOST, own_settings, [mount])
    assert wire.values() == {"pipeline_nas_up.main": "0|g"}
    own_settings.nas_mount_path.mkdir()
    mount.sample()
    assert mount.answers
    monkeypatch.setattr(host, "HUNG_AFTER_SEC", 0)
    assert not mount.answers


def program(path: Path, content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(content)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")


def number(sent: dict[str, str], name: str) -> float:
    return float(sent[name].partition("|")[0])
