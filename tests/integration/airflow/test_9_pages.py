"""The match pages: who gets in, what they show, and that what people decide reaches the reels and stays."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from support.running_airflow import RunningAirflow
from touchline.catalogue import reviews
from touchline_airflow.pages.app import make_app

ROUTES = sorted((method, route.path) for route in make_app().routes for method in route.methods)  # type: ignore[attr-defined]


class Browser:
    """Asks as a page does: with the cookie of a login, and a header of its own where it writes."""

    def __init__(self, airflow: RunningAirflow) -> None:
        self.url = f"{airflow.api.url}/touchline"
        self.cookie = {"Cookie": f"_token={airflow.api.token()}"}

    def ask(self, path: str, content: Any = None, *, method: str = "", **headers: str) -> tuple[int, Any, bytes]:
        """Status, headers and body."""
        body = None if content is None else json.dumps(content).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items() if value}
        request = urllib.request.Request(f"{self.url}{path}", body, named, method=method or None)
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def get(self, path: str, **headers: str) -> tuple[int, Any, bytes]:
        return self.ask(path, **self.cookie, **headers)

    def told(self, path: str) -> dict[str, Any]:
        return dict(json.loads(self.get(path)[2]))

    def decide(self, path: str, content: Any) -> tuple[int, dict[str, Any]]:
        status, _, body = self.ask(path, content, **self.cookie, X_Touchline="1")
        return status, json.loads(body)


@pytest.fixture(scope="module")
def browser(airflow: RunningAirflow) -> Browser:
    return Browser(airflow)


@pytest.fixture(scope="module")
def match_id(airflow: RunningAirflow, published: str) -> str:
    return str(airflow.api.run("process_match", published)["conf"]["match_id"])


def filled(path: str, match_id: str) -> str:
    return (path.replace("{match_id}", match_id).replace("{name:path}", "actions.json")
            .replace("{name}", "pages.css"))


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_answers_without_a_login(browser: Browser, match_id: str, method: str, path: str) -> None:
    status, _, body = browser.ask(filled(path, match_id), {} if method == "POST" else None, method=method)
    assert status == 401, body[:200]


def test_the_pages_and_what_they_need_are_there(browser: Browser, match_id: str) -> None:
    for path in ("/", f"/matches/{match_id}/", "/static/match.js", "/static/pages.css", "/api/v1/openapi.json"):
        status, headers, body = browser.get(path)
        assert status == 200 and body, path
        assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert match_id.encode() in browser.get("/")[2]
    found = browser.told("/api/v1/matches?limit=200")
    assert match_id in [one["match_id"] for one in found["matches"]] and found["total"] >= 1
    assert browser.get("/docs")[0] == 404


@pytest.mark.parametrize("path", [
    "/api/v1/matches/nobody-0123456789ab", "/api/v1/matches/..%2f..%2fetc", "/matches/nobody-0123456789ab/",
    "/api/v1/matches/MATCH/files/report.html", "/api/v1/matches/MATCH/files/manifest.json",
    "/api/v1/matches/MATCH/files/..%2f..%2f..%2fetc%2fpasswd", "/api/v1/matches/MATCH/files//etc/passwd",
    "/api/v1/matches/MATCH/files/.versions", "/static/..%2fapp.py", "/static/app.py"])
def test_what_is_not_there_is_a_plain_404(browser: Browser, match_id: str, path: str) -> None:
    status, headers, body = browser.get(path.replace("MATCH", match_id))
    assert status == 404
    assert headers["Content-Type"] == "application/problem+json" and b"Traceback" not in body


def test_a_strangers_page_cannot_decide(airflow: RunningAirflow, browser: Browser, match_id: str) -> None:
    review = {"review_id": "stranger1", "after": {"match_ms": 1000, "label": "Goal"}}
    path = f"/api/v1/matches/{match_id}/reviews"
    assert browser.ask(path, review, **browser.cookie, Origin="http://evil.invalid")[0] == 403
    assert reviews.of_match(airflow.catalogue, match_id) == []


HOSTILE: list[Any] = [
    {}, [], 5, {"review_id": "abcdefgh"}, {"review_id": "short"}, {"review_id": "a b c d e f"},
    {"review_id": "abcdefgh", "after": {"match_ms": -1, "label": "Goal"}},
    {"review_id": "abcdefgh", "after": {"match_ms": 1e99, "label": "Goal"}},
    {"review_id": "abcdefgh", "after": {"match_ms": 1, "label": "<script>alert(1)</script>"}},
    {"review_id": "abcdefgh", "after": {"match_ms": 1, "label": "Goal", "player": "a\nb"}},
    {"review_id": "abcdefgh", "after": {"match_ms": 1, "label": "Goal", "player": "x" * 61}},
    {"review_id": "abcdefgh", "after": {"match_ms": 1, "label": "Goal", "team": "reds"}},
    {"review_id": "abcdefgh", "after": {"match_ms": 1, "label": "Goal"}, "who": "somebody else"},
    {"review_id": "abcdefgh", "undoes": "x" * 65}]


@pytest.mark.parametrize("content", HOSTILE, ids=lambda content: json.dumps(content)[:60])
def test_what_is_no_review_is_refused_in_one_line(
        airflow: RunningAirflow, browser: Browser, match_id: str, content: Any) -> None:
    status, said = browser.decide(f"/api/v1/matches/{match_id}/reviews", content)
    assert status in (409, 422) and "\n" not in said["detail"]
    assert reviews.of_match(airflow.catalogue, match_id) == []


def test_what_was_decided_is_in_the_next_reels_and_stays(
        airflow: RunningAirflow, browser: Browser, match_id: str) -> None:
    path = f"/api/v1/matches/{match_id}"
    before = browser.told(path)
    assert before["unmade"] == 0
    seen = airflow.files(match_id).spottings("chunk-0000").stat().st_mtime_ns
    rejected = [{key: one[key] for key in ("match_ms", "label")} for one in before["actions"]]
    made = [{"review_id": f"rejected{number}", "before": one} for number, one in enumerate(rejected)]
    goal = {"match_ms": 12_340, "label": "Goal", "team": "away", "player": "7"}
    made.append({"review_id": "added0001", "after": goal})
    for one in (*made, made[-1]):
        status, told = browser.decide(f"{path}/reviews", one)
        assert status == 201 and told["who"] == "admin", told
    assert browser.told(path)["unmade"] == len(made), "the one that came twice is there once"

    run = airflow.api.trigger("process_match", {"recording": before["recordings"][0], "match_id": match_id})
    assert airflow.finish(run["dag_run_id"])["state"] == "success"
    after = browser.told(path)
    assert after["unmade"] == 0
    assert [(one["match_ms"], one["label"], one["source"], one["team"]) for one in after["actions"]] == [
        (12_340, "Goal", "mark", "away")]
    assert airflow.files(match_id).spottings("chunk-0000").stat().st_mtime_ns == seen, "nothing was looked at again"
    kept = json.loads((airflow.folder(match_id).root / "reviews.json").read_text())["reviews"]
    assert [one["review_id"] for one in kept] == [one["review_id"] for one in made]
    [highlights] = [reel for reel in after["reels"] if reel["name"] == "highlights"]
    assert [clip["label"] for clip in highlights["clips"]] == ["Goal"]


def test_a_reel_comes_in_ranges(airflow: RunningAirflow, browser: Browser, match_id: str) -> None:
    path = f"/api/v1/matches/{match_id}/files/reels/highlights.mp4"
    whole = (airflow.folder(match_id).root / "reels" / "highlights.mp4").read_bytes()
    status, headers, body = browser.get(path, Range="bytes=100-199")
    assert (status, body) == (206, whole[100:200])
    assert headers["Content-Type"] == "video/mp4" and headers["Content-Range"] == f"bytes 100-199/{len(whole)}"
    assert browser.get(path)[2] == whole
    assert browser.ask(path, method="HEAD", **browser.cookie)[0] == 200


def test_what_was_decided_can_be_taken_back(browser: Browser, match_id: str) -> None:
    path = f"/api/v1/matches/{match_id}"
    for one in browser.told(path)["reviews"]:
        undo = {"review_id": f"undo-{one['review_id']}", "undoes": one["review_id"]}
        assert browser.decide(f"{path}/reviews", undo)[0] == 201
    assert browser.told(path)["decisions"] == []
