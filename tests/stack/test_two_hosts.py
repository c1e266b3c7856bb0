"""A main host that computes no chunks and a GPU host: two projects on one engine, as two machines would be."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.compose_stack import ComposeStack, compose_stack, publish_a_match, skip_without_engine

pytestmark = pytest.mark.verify
TWO = {"TOUCHLINE_HOSTS": "main,gpu1"}


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ComposeStack, ComposeStack]]:
    skip_without_engine()
    address = own_address()
    folder = tmp_path_factory.mktemp("main")
    with compose_stack(folder, **TWO, BIND_ADDRESS=address, COMPOSE_PROFILES="") as main:
        shared = {name: main.env[name] for name in ("NAS_MOUNT_PATH", "NAS_OUTPUT_PATH", "WORKING_DIR", "LOGS_DIR",
                                                    "API_PORT")}
        other = tmp_path_factory.mktemp("gpu1")
        (other / "secrets_dir").mkdir()
        for name in ("broker_url", "catalogue_url"):
            shutil.copy(main.path("SECRETS_DIR") / name, other / "secrets_dir")
        with compose_stack(other, **TWO, **shared, TOUCHLINE_HOST="gpu1", MAIN_HOST=address,
                         COMPOSE_PROJECT_NAME=f"{main.project}-gpu1") as gpu:
            yield main, gpu


def own_address() -> str:
    """An address of this machine other than loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.254", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return str(probe.getsockname()[0])


def test_the_gpu_host_has_its_workers_and_no_key_of_airflows(hosts: tuple[ComposeStack, ComposeStack]) -> None:
    main, gpu = hosts
    assert set(gpu.containers()) == {"worker", "chunk-worker", "sampler", "socket-proxy"}
    assert "chunk-worker" not in main.containers()
    assert {path.name for path in gpu.path("SECRETS_DIR").iterdir()} == {"broker_url", "catalogue_url"}
    assert main.secrets_in(json.dumps(list(gpu.containers().values()))) == []


def test_a_match_is_computed_on_the_gpu_host(hosts: tuple[ComposeStack, ComposeStack], tmp_path: Path) -> None:
    main, gpu = hosts
    run, folder = publish_a_match(main, tmp_path)
    assert run["state"] == "success" and (folder / "reels" / "highlights.mp4").exists()
    by_host: dict[str, set[str]] = {}
    for task in main.api().tasks("process_match", run["dag_run_id"]):
        by_host.setdefault(task["hostname"], set()).add(task["task_id"])
    chunk_worker = gpu.containers()["chunk-worker"]["Config"]["Hostname"]
    assert by_host[chunk_worker] == {"spot_chunk"}
