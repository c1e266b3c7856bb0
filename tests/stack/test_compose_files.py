"""Are the compose files sound, hardened and free of secrets? No engine is needed."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_deploy.build.pins import image_names
from touchline_deploy.stack import stack
from touchline_deploy.stack.stack_files import EXAMPLE, ROOT, read_env

DOCKER = ROOT / "docker"
MAIN, GPU, HOSTS = "compose.yaml", "compose.gpu-worker.yaml", "compose.hosts.yaml"
SEES_GPUS = "compose.gpu.yaml"
FILES = (MAIN, GPU, HOSTS, SEES_GPUS, stack.DASHBOARDS)
OURS = ("postgres", "redis")  # they keep data, all others may be thrown away
GONE_IN_COMPOSE_2 = {"version", "links", "container_name"}


def text(name: str) -> str:
    return (DOCKER / name).read_text()


def services(name: str) -> dict[str, dict[str, Any]]:
    return dict(yaml.safe_load(text(name))["services"])


def each_service() -> list[Any]:
    return [pytest.param(service, id=f"{name.removesuffix('.yaml')}:{key}")
            for name in (MAIN, GPU, stack.DASHBOARDS) for key, service in services(name).items()]


def variables(content: str) -> set[str]:
    return set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", content))


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / "env"
    path.write_text(EXAMPLE.read_text().replace("ENV_FILE=../.env", f"ENV_FILE={path}"))
    return path


@pytest.mark.parametrize("names", [[MAIN], [MAIN, HOSTS, SEES_GPUS, stack.DASHBOARDS], [GPU], [GPU, SEES_GPUS],
                                   [stack.DASHBOARDS]], ids=" ".join)
def test_compose_takes_the_files_without_a_word(names: list[str], env_file: Path) -> None:
    try:
        command = stack._compose_command()
    except stack.StackError as error:
        pytest.skip(str(error))
    argv = [*command, "--env-file", str(env_file), *(f"--file={DOCKER / name}" for name in names), "config"]
    environ = {"PATH": os.environ["PATH"], **image_names({})}
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environ)
    assert (done.returncode, done.stderr) == (0, "")
    told = set(yaml.safe_load(done.stdout)["services"])
    assert told >= set().union(*(services(name) for name in names))


@pytest.mark.parametrize("name", FILES)
def test_no_key_is_used_that_compose_2_has_given_up(name: str) -> None:
    content = yaml.safe_load(text(name))
    assert not GONE_IN_COMPOSE_2 & {*content, *(key for service in content["services"].values() for key in service)}


def test_the_example_names_the_variables_of_the_files_each_with_a_comment() -> None:
    used = set().union(*(variables(text(name)) for name in FILES)) - {"STATSD_HOST"}  # follows from COMPOSE_PROFILES
    used -= set(image_names({}))
    read_by_the_script = {"COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "TOUCHLINE_HOSTS"}
    settings = {field.name.upper() for kind in (Settings, DeploymentSettings) for field in fields(kind)}
    named = set(read_env(EXAMPLE))
    assert named >= used | read_by_the_script and named - used - read_by_the_script <= settings
    commented = set(re.findall(r"^# .+\n([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE))
    assert commented == set(read_env(EXAMPLE))


def test_no_secret_is_in_the_example_or_in_git() -> None:
    assert not [name for name in read_env(EXAMPLE) if re.search("PASSWORD|SECRET$|KEY$|TOKEN", name)]
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert not [name for name in tracked.splitlines() if name == ".env" or "secrets/" in name]


def test_keys_reach_the_containers_as_files_only() -> None:
    for name in (MAIN, GPU):
        for service, content in services(name).items():
            for variable, value in (content.get("environment") or {}).items():
                if value and re.search("PASSWORD|SECRET|KEY|_CONN|BROKER|BACKEND|BASIC_AUTH|CATALOGUE_URL|METADATA",
                                       variable):
                    assert variable.endswith(("_CMD", "_FILE")), f"{service}: {variable}"
                    assert "/run/secrets/" in value


@pytest.mark.parametrize("service", each_service())
def test_each_service_is_hardened_and_bounded(service: dict[str, Any]) -> None:
    assert service["cap_drop"] == ["ALL"] and "cap_add" not in service and "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert service["mem_limit"] and service["pids_limit"]
    assert service["logging"]["options"]["max-size"]
    assert re.fullmatch(r"touchline-airflow:\$\{TOUCHLINE_VERSION\}|\$\{[A-Z_]+_IMAGE\}", service["image"])
    assert "network_mode" not in service and "pid" not in service and "ipc" not in service


@pytest.mark.parametrize("service", each_service())
def test_each_service_is_restarted_and_looked_at_but_for_init(service: dict[str, Any]) -> None:
    if "init.py" in " ".join(service.get("entrypoint", [])):
        assert service["restart"] == "no"
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"]


@pytest.mark.parametrize("service", each_service())
def test_only_the_socket_proxy_is_root_and_has_the_socket(service: dict[str, Any]) -> None:
    is_proxy = service["image"] == "${HAPROXY_IMAGE}"
    mounts = [str(volume) for volume in service.get("volumes", [])]
    assert any("DOCKER_SOCKET" in mount for mount in mounts) == is_proxy
    assert service["user"].startswith("0") == is_proxy


def test_ports_are_bound_to_an_address_and_those_of_the_data_only_for_other_hosts() -> None:
    for name in FILES:
        for service in services(name).values():
            assert all(port.startswith(("${BIND_ADDRESS}:", "127.0.0.1:")) for port in service.get("ports", []))
    assert read_env(EXAMPLE)["BIND_ADDRESS"] == "127.0.0.1"
    assert {key for key, service in services(MAIN).items() if service.get("ports")} == {"api-server", "flower"}
    assert not [key for key, service in services(GPU).items() if service.get("ports")]


def test_the_socket_proxy_is_reached_by_workers_only() -> None:
    for name in (MAIN, GPU):
        content = yaml.safe_load(text(name))
        assert content["networks"]["engine"]["internal"] is True
        reach = {key for key, service in content["services"].items() if "engine" in service["networks"]}
        assert reach == {"worker", "chunk-worker", "socket-proxy"}
        assert content["services"]["socket-proxy"]["networks"] == ["engine"]


def test_the_sampler_writes_nothing_and_sees_gpus_where_the_engine_gives_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (MAIN, GPU):
        assert all(volume["read_only"] for volume in services(name)["sampler"]["volumes"])
    for host in ("", "10.0.0.1"):
        env = {"MAIN_HOST": host, "TOUCHLINE_HOSTS": "main,gpu1", "COMPOSE_PROFILES": "chunks"}
        monkeypatch.setattr(stack, "gives_gpus", lambda: False)
        without = stack.files(env)
        monkeypatch.setattr(stack, "gives_gpus", lambda: True)
        assert stack.files(env) == [*without, SEES_GPUS] and SEES_GPUS not in without


def test_what_the_steps_share_with_the_host_has_the_hosts_path() -> None:
    for name in (MAIN, GPU):
        for key in ("worker", "chunk-worker"):
            binds = {volume["source"]: volume for volume in services(name)[key]["volumes"]}
            assert all(volume["target"] == source for source, volume in binds.items())
            assert binds["${NAS_MOUNT_PATH}"]["read_only"] and binds["${MODELS_DIR}"]["read_only"]
            assert {"${WORKING_DIR}", "${SCRATCH_DIR}", "${LOGS_DIR}"} <= set(binds)


def test_only_the_main_hosts_worker_and_sampler_reach_airflows_database() -> None:
    core = {"airflow_database_url", "fernet_key", "jwt_secret", "api_secret_key", "postgres_password"}
    held = {(name, key): core & set(services(name)[key]["secrets"])
            for name in (MAIN, GPU) for key in ("worker", "chunk-worker", "sampler")}
    assert held == {(MAIN, "worker"): {"airflow_database_url"}, (MAIN, "sampler"): {"airflow_database_url"},
                    (MAIN, "chunk-worker"): set(),
                    (GPU, "worker"): set(), (GPU, "chunk-worker"): set(), (GPU, "sampler"): set()}


def test_a_gpu_hosts_workers_do_as_those_of_the_main_host() -> None:
    same = ("image", "user", "cap_drop", "read_only", "security_opt", "tmpfs", "env_file", "stop_grace_period")
    for key in ("worker", "chunk-worker", "socket-proxy"):
        main, gpu = services(MAIN)[key], services(GPU)[key]
        assert {name: main.get(name) for name in same} == {name: gpu.get(name) for name in same}
    assert queues(MAIN, "worker") - queues(GPU, "worker") == {"default"}
    assert queues(GPU, "worker") < queues(MAIN, "worker")
    assert queues(MAIN, "chunk-worker") == queues(GPU, "chunk-worker") == {"gpu"}


def queues(name: str, service: str) -> set[str]:
    words = services(name)[service]["command"]
    return set(next(word for word in words if word.startswith("--queues=")).removeprefix("--queues=").split(","))


def test_the_version_is_that_of_the_project() -> None:
    from touchline_deploy.build.images import version

    assert read_env(EXAMPLE)["TOUCHLINE_VERSION"] == version()


def test_what_has_no_login_is_reached_from_this_machine_only() -> None:
    ports = {key: service["ports"] for key, service in services(stack.DASHBOARDS).items()}
    assert all(port.startswith("127.0.0.1:") for key in ("prometheus", "alertmanager") for port in ports[key])
    assert services(stack.DASHBOARDS)["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"].startswith("/run/")


def test_dashboards_are_a_part_of_the_stack_unless_they_are_taken_out() -> None:
    env = {"MAIN_HOST": "", "TOUCHLINE_HOSTS": "main"}
    assert "dashboards" in read_env(EXAMPLE)["COMPOSE_PROFILES"].split(",")
    assert stack.DASHBOARDS in stack.files({**env, "COMPOSE_PROFILES": "chunks,dashboards"})
    assert stack.DASHBOARDS not in stack.files({**env, "COMPOSE_PROFILES": "chunks"})


def test_exporter_and_senders_agree_on_the_port() -> None:
    said = read_env(DOCKER / "airflow.env")["AIRFLOW__METRICS__STATSD_PORT"]
    exporter = services(stack.DASHBOARDS)["statsd-exporter"]
    assert f"--statsd.listen-udp=:{said}" in exporter["command"] and read_env(EXAMPLE)["STATSD_PORT"] == said
    assert exporter["ports"] == [f"${{BIND_ADDRESS}}:${{STATSD_PORT}}:{said}/udp"]
