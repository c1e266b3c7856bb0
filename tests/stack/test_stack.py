"""The stack on a real engine: healthy, closed, and a match goes through it."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.compose_stack import ComposeStack, compose_stack, docker, publish_a_match, skip_without_engine
from support.waiting import wait_for

pytestmark = pytest.mark.verify
LIST_ROUTES = (Path(__file__).parent / "list_routes.py").read_text()
OPEN = {
    r"/api/v2/monitor/health": "is Airflow up? The health checks ask it",
    r"/api/v2/version": "the version of Airflow",
    r"/execution/health(/ping)?": "is the API of the tasks up?",
    r"(/auth|/execution)?/(docs|redoc|openapi\.json)(/oauth2-redirect)?": "descriptions of the APIs",
    r"/execution/changelog": "the same",
    r"/auth/(login/|token|token/cli|api/v1/security/login)": "the logins themselves",
    r"/auth/\w+/action(_post|/.*)": "no view has an action of the name that is asked for here: 400 or 500",
    r"/static/|/auth/static/.*|/\{rest_of_path:path\}": "files of the UI, without data",
}
"""What answers anybody, and why: no name, no match, no setting is in it."""
FLOWER_OPEN = {"/healthcheck": 200, "/logout": 200}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ComposeStack]:
    skip_without_engine()
    with compose_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


# --- What runs ------------------------------------------------------------------------------------------------------

def test_all_services_are_healthy_and_init_is_done(stack: ComposeStack) -> None:
    states = {name: one["State"] for name, one in stack.containers().items()}
    assert states.pop("init")["ExitCode"] == 0
    assert {name: state["Health"]["Status"] for name, state in states.items()} == dict.fromkeys(states, "healthy")
    assert set(states) == {"postgres", "redis", "api-server", "scheduler", "dag-processor", "triggerer", "worker",
                           "chunk-worker", "flower", "sampler", "socket-proxy"}


def test_the_sampler_reaches_all_that_it_samples(stack: ComposeStack) -> None:
    told = docker("logs", stack.containers()["sampler"]["Id"])
    assert "slow statements of catalogue" in told and "not sampled" not in told, told


def test_the_engine_holds_them_to_what_the_file_says(stack: ComposeStack) -> None:
    for name, one in stack.containers().items():
        limits = one["HostConfig"]
        assert limits["ReadonlyRootfs"] and limits["CapDrop"] == ["ALL"] and not limits["CapAdd"], name
        assert limits["SecurityOpt"] == ["no-new-privileges:true"] and not limits["Privileged"], name
        assert limits["Memory"] > 0 and limits["PidsLimit"] > 0, name


def test_no_key_is_seen_by_inspecting_a_container(stack: ComposeStack) -> None:
    assert stack.secrets_in(json.dumps(list(stack.containers().values()))) == []


def test_ports_are_bound_to_loopback(stack: ComposeStack) -> None:
    published = {name: [(port, bound["HostIp"]) for port, several in (one["NetworkSettings"]["Ports"] or {}).items()
                        for bound in several or []] for name, one in stack.containers().items()}
    assert {name: ports for name, ports in published.items() if ports} == {
        "api-server": [("8080/tcp", "127.0.0.1")], "flower": [("5555/tcp", "127.0.0.1")]}


# --- Who may come in ------------------------------------------------------------------------------------------------

def test_every_route_asks_for_a_login(stack: ComposeStack) -> None:
    found, documented = json.loads(stack.python("api-server", LIST_ROUTES).rpartition("ROUTES")[2])
    routes = {(method, path) for method, path, _ in [*found, *documented] if method not in ("HEAD", "OPTIONS")}
    assert len(routes) > 200, "the list of routes is not whole"
    form = with_form_token(stack.url)
    answers = {(method, path): call(stack.url, method, fill(path), form if path.startswith("/auth/") else None)
               for method, path in sorted(routes)}
    is_open = {f"{method} {path}": answer for (method, path), answer in answers.items()
               if not is_closed(*answer, stack.url) and not any(re.fullmatch(known, path) for known in OPEN)}
    assert not is_open


def is_closed(status: int, where: str, url: str) -> bool:
    """Refused, not there for anybody, or sent away to a page that asks for a login."""
    home = (url, url.replace("127.0.0.1", "localhost"), "/auth/")
    return status in (401, 403, 404, 405) or (status in (302, 303, 307, 308) and (
        where.rstrip("/") in {address.rstrip("/") for address in home} or "login" in where or "logout" in where))


def with_form_token(url: str) -> dict[str, str]:
    """What a form of the login page holds: so that a form is refused for want of a login, not of this token."""
    with urllib.request.urlopen(f"{url}/auth/login/", timeout=30) as answer:
        cookies = "; ".join(value.partition(";")[0] for value in answer.headers.get_all("Set-Cookie"))
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.read().decode())
    assert found, "the login page has no form token"
    return {"Cookie": cookies, "X-CSRFToken": found[1]}


def fill(path: str) -> str:
    return re.sub(r"\{[^}]*\}|<[^>]*>", "1", path)


def call(url: str, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and Location of the answer; redirects are not followed."""
    body = b"{}" if method in ("POST", "PUT", "PATCH") else None
    request = urllib.request.Request(url + path, data=body, method=method,
                                     headers={"Content-Type": "application/json", **(headers or {})})
    try:
        with OPENER.open(request, timeout=30) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Location", "")


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


OPENER = urllib.request.build_opener(_Stay)


def test_flower_asks_for_its_password(stack: ComposeStack) -> None:
    listed = stack.python("flower", "import json, flower.urls as u\nprint(json.dumps([h[0] if isinstance(h, tuple) "
                                    "else h.regex.pattern for h in u.handlers]))")
    patterns = [re.sub(r"\(\.[+*]\)|\$|/\?|\.\*", "", pattern) for pattern in json.loads(listed)]
    answers = {path: call(stack.flower, "GET", path or "/")[0] for path in patterns}
    assert {path: status for path, status in answers.items() if status not in (401, 403, 404, 405)} == FLOWER_OPEN
    assert answers["/metrics"] == answers["/api/workers"] == answers["/"] == 401
    assert call(stack.flower, "POST", "/api/worker/shutdown/light@main")[0] in (401, 403)


def test_a_wrong_password_is_refused_and_the_right_one_is_let_in(stack: ComposeStack) -> None:
    wrong = json.dumps({"username": "admin", "password": "admin"}).encode()
    request = urllib.request.Request(f"{stack.url}/auth/token", wrong, {"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request, timeout=30)
    assert stack.api().dags()


def test_who_asks_under_a_foreign_name_is_refused(stack: ComposeStack) -> None:
    for path in ("/", "/api/v2/monitor/health", "/auth/login/", "/execution/health"):
        assert call(stack.url, "GET", path, {"Host": "evil.example:8080"})[0] == 400, path
        assert call(stack.url, "GET", path, {"Host": "localhost"})[0] != 400, path


# --- The socket proxy -----------------------------------------------------------------------------------------------

ASK = """
import http.client, json, sys
answers = []
for method, path in json.loads(sys.argv[1]):
    connection = http.client.HTTPConnection("socket-proxy", 2375, timeout=20)
    body, headers = "{}" if method == "POST" else None, {"Content-Type": "application/json"}
    connection.request(method, path, body=body, headers=headers)
    answers.append(connection.getresponse().status)
print(json.dumps(answers))
"""
ALLOWED = """
GET /version
GET /v1.41/info
GET /v1.41/containers/json?all=1
GET /v1.41/images/json
GET /v1.41/containers/nobody/json
POST /v1.41/containers/nobody/start
POST /v1.41/containers/nobody/kill
DELETE /v1.41/containers/nobody?force=1
"""
FORBIDDEN = """
GET /_ping
GET /v1.41/events
GET /v1.41/volumes
POST /v1.41/volumes/create
POST /v1.41/images/create?fromImage=x
DELETE /v1.41/images/x
POST /v1.41/build
POST /v1.41/commit
POST /v1.41/containers/nobody/exec
POST /v1.41/exec/x/start
POST /v1.41/containers/nobody/update
POST /v1.41/containers/prune
GET /v1.41/containers/nobody/archive?path=/
PUT /v1.41/containers/nobody/archive?path=/
GET /v1.41/containers/nobody/logs
GET /v1.41/containers/nobody/export
DELETE /v1.41/containers/nobody/checkpoints/x
GET /v1.41/networks
POST /v1.41/networks/create
POST /v1.41/swarm/init
GET /v1.41/secrets
GET /v1.41/plugins
POST /v1.41/system/prune
POST /v1.41/session
POST /containers/create
GET /v1.41/containers/../volumes
GET /v1.41/containers/%2e%2e/volumes
GET //v1.41/info
"""


def ask(stack: ComposeStack, text: str) -> dict[str, int]:
    calls = [line.split() for line in text.strip().splitlines()]
    answers = json.loads(stack.python("worker", ASK, json.dumps(calls)))
    return {" ".join(call): status for call, status in zip(calls, answers, strict=True)}


def test_the_socket_proxy_lets_the_workers_calls_through_and_no_others(stack: ComposeStack) -> None:
    passed = ask(stack, ALLOWED)
    assert {call: status for call, status in passed.items() if status not in (200, 404)} == {}
    refused = ask(stack, FORBIDDEN)
    assert {call: status for call, status in refused.items() if status != 403} == {}


def test_the_socket_proxy_is_reached_by_workers_only(stack: ComposeStack) -> None:
    address = next(iter(stack.containers()["socket-proxy"]["NetworkSettings"]["Networks"].values()))["IPAddress"]
    for service in ("api-server", "scheduler", "triggerer", "dag-processor", "flower", "sampler"):
        assert stack.python(service, LOOK, "socket-proxy", address).split() == ["no", "no"], service
    assert stack.python("chunk-worker", LOOK, "socket-proxy").split() == ["reached"]


LOOK = """
import socket, sys
for host in sys.argv[1:]:
    try:
        socket.create_connection((host, 2375), 3)
        print("reached")
    except OSError:
        print("no")
"""
LIFELINE = """
import os, signal, sys
from touchline_airflow.runtime.docker_engine import connect
client = connect()
made = client.create_container(sys.argv[1], ["sh", "-c", "cat; sleep 1"], entrypoint="", stdin_open=True,
                               labels={"touchline.test": sys.argv[2]},
                               host_config=client.create_host_config(network_mode="none", auto_remove=True))
held = client.attach_socket(made["Id"], {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1})
client.start(made["Id"])
print("started", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_container_ends_when_the_task_that_holds_its_line_is_killed(stack: ComposeStack) -> None:
    mark, image = stack.project, f"touchline-worker:{stack.env['TOUCHLINE_VERSION']}"
    with pytest.raises(AssertionError):  # the program kills itself
        stack.python("worker", LIFELINE, image, mark)
    running = ("ps", "--all", "--quiet", "--filter", f"label=touchline.test={mark}")
    wait_for("the end of the container", lambda: not docker(*running).strip() or None, 30)


# --- A match --------------------------------------------------------------------------------------------------------

def test_a_match_goes_through(stack: ComposeStack, tmp_path: Path) -> None:
    run, folder = publish_a_match(stack, tmp_path)
    assert run["state"] == "success"
    queues = {task["task_id"]: task["queue"] for task in stack.api().tasks("process_match", run["dag_run_id"])}
    assert queues["spot_chunk"] == "gpu" and queues["render_reel"] == "render"
    written = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.stat().st_uid for path in written} == {int(stack.env["TOUCHLINE_UID"])}
    assert (folder / "reels" / "highlights.mp4").stat().st_size > 1000
    assert not docker("ps", "--all", "--quiet", "--filter", f"label=touchline.match_id={folder.name}").strip()


def test_the_log_of_a_step_is_in_the_ui(stack: ComposeStack) -> None:
    api = stack.api()
    run = api.runs("process_match")[0]["dag_run_id"]
    log = json.dumps(api.request("GET", f"/dags/process_match/dagRuns/{run}/taskInstances/scan/logs/1"))
    assert "Could not read" not in log and "scan" in log
