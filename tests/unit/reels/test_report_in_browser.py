"""The page in a real browser: what a click does to the players, and what its policy lets nobody do.

What looks at the page is a script that the page does not know: the policy gets its hash and the address of the test.
"""

import base64
import functools
import hashlib
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support.browser import CHROMIUM
from support.merged import ALL_SEEN
from touchline.reels.report import ReportMatch, render_report
from touchline.reels.rules import load_rules

SIDES = {"kits": {"home": "#c8102e", "away": "#1d428a"}, "told_by": "kits", "ours": "home"}
pytestmark = [pytest.mark.verify, pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")]

TELL = """
.catch((error) => String(error.stack)).then((seen) =>
  fetch("http://127.0.0.1:PORT/", { method: "POST", mode: "no-cors", body: JSON.stringify(seen) }));
"""
CLICKS = """
(async () => {
  const video = (reel) => document.querySelector(`video[data-reel=${reel}]`);
  const happens = (target, what) => new Promise((resolve) => target.addEventListener(what, resolve, { once: true }));
  for (const reel of ["highlights", "keeper"]) {
    if (video(reel).readyState < 1) await happens(video(reel), "loadedmetadata");
  }
  const after = async (reel, act) => {
    const seeked = happens(video(reel), "seeked");
    act();
    await seeked;
    video(reel).pause();
    return [document.querySelector("[role=tab][aria-selected=true]").dataset.reel,
      Math.round(video(reel).currentTime * 2) / 2];
  };
  const action = (label) => document.querySelector(`li[data-label="${label}"] a`);
  const seen = {};
  seen.goal = await after("highlights", () => action("Goal").click());
  seen.goal_kick = await after("keeper", () => action("Goal kick").click());
  seen.goal_again = await after("keeper", () => action("Goal").click());
  seen.previous = await after("keeper", () => document.body.dispatchEvent(
    new KeyboardEvent("keydown", { key: "p", bubbles: true })));
  seen.clip = await after("highlights", () => document.querySelectorAll(".clips[data-reel=highlights] a")[1].click());
  seen.mark = await after("highlights", () => document.querySelector('.mark[data-label="Throw-in"]')
    .dispatchEvent(new MouseEvent("click", { bubbles: true })));
  seen.candidate = await after("highlights", () => action("Save").click());
  seen.now = document.querySelector("#reel-highlights .clip-now").textContent;
  document.querySelector('.filters [data-label="Goal"]').click();
  seen.filtered = [...document.querySelectorAll(".actions li:not([hidden])")].map((line) => line.dataset.label);
  return seen;
})()"""
STRANGERS = """
(async () => {
  const seen = { refused: [] };
  document.addEventListener("securitypolicyviolation", (event) => seen.refused.push(event.effectiveDirective));
  const video = document.querySelector("video");
  if (video.readyState < 1) {
    await new Promise((resolve) => video.addEventListener("loadedmetadata", resolve, { once: true }));
  }
  seen.seconds = Math.round(video.duration);
  seen.picture = document.querySelector("img").naturalWidth;
  seen.colour = getComputedStyle(document.querySelector(".filters [data-label=Goal] i")).backgroundColor;
  seen.scripted = document.documentElement.classList.contains("scripted");
  const add = (name, values) => document.body.append(Object.assign(document.createElement(name), values));
  add("script", { textContent: "window.ran = true" });
  add("script", { src: "http://127.0.0.1:PORT/script.js" });
  add("script", { src: "reels/script.js" });
  add("img", { src: "http://127.0.0.1:PORT/picture.png" });
  add("iframe", { src: "http://127.0.0.1:PORT/page.html" });
  add("style", { textContent: "body { color: red }" });
  document.body.insertAdjacentHTML("beforeend", "<img src=data:, onerror='window.ran = true'>");
  document.body.insertAdjacentHTML("beforeend", "<b style='color: red'></b>");
  await new Promise((resolve) => setTimeout(resolve, 500));
  seen.ran = window.ran === true;
  seen.refused.sort();
  return seen;
})()"""


def _clip(start_ms, end_ms, reel_start_ms, label):
    return {
        "clip_id": f"clip-{start_ms:08d}-{end_ms:08d}",
        "start_ms": start_ms,
        "end_ms": end_ms,
        "reel_start_ms": reel_start_ms,
        "label": label,
        "labels": [label],
        "confidence": 0.9,
    }


def _action(match_ms, label):
    return {
        "match_ms": match_ms,
        "half": 1,
        "position_ms": match_ms,
        "label": label,
        "confidence": 0.9,
        "source": "model",
        "team": "home",
        "evidence": {"spotter": 0.8, "surge": 0.5},
    }


@pytest.fixture
def page(tmp_path):
    match = {
        "title": "Reds – Blues",
        "home": None,
        "away": None,
        "date": None,
        "kick_offs_ms": [],
        "duration_ms": 120_000,
        "recordings": [{"file": "a.mp4", "start_ms": 0}],
        "our_keeper": "#f2c200",
    }
    goal = _clip(8_000, 32_000, 0, "Goal")
    reels = [
        {"name": "highlights", "duration_ms": 34_000, "clips": [goal, _clip(60_000, 70_000, 24_000, "Throw-in")]},
        {"name": "keeper", "duration_ms": 34_000, "clips": [goal, _clip(87_000, 97_000, 24_000, "Goal kick")]},
    ]
    actions = [_action(20_000, "Goal"), _action(63_000, "Throw-in"), _action(90_000, "Goal kick")]
    candidates = [{**_action(64_000, "Save"), "others": []}]
    pictures = {("highlights", goal["clip_id"]): _jpeg()}
    path = tmp_path / "report.html"
    content = ReportMatch(match, actions, candidates, SIDES, ALL_SEEN, reels, pictures)
    path.write_text(render_report(content, load_rules()))
    (tmp_path / "reels").mkdir()
    for name in ("highlights", "keeper"):
        subprocess.run(
            [
                "ffmpeg",
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                "testsrc2=s=160x90:r=25:d=34",
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-g",
                "25",
                "-pix_fmt",
                "yuv420p",
                "-movflags",
                "+faststart",
                str(tmp_path / "reels" / f"{name}.mp4"),
            ],
            check=True,
        )
    return path


def _jpeg():
    argv = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=red:s=16x16:d=1", "-frames:v", "1", "-f", "mjpeg", "-"]
    return subprocess.run(argv, check=True, capture_output=True).stdout


def _put_in(page, look, port):
    """Add a script to the page, and to its policy that this one may run and tell us."""
    script = (look + TELL).replace("PORT", str(port))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    also = f"connect-src http://127.0.0.1:{port}; script-src &#39;sha256-{digest}&#39; "
    text = page.read_text().replace("script-src ", also, 1)
    page.write_text(text.replace("</body>", f"<script>{script}</script></body>"))


def test_clicks_and_keys_move_the_right_player_to_the_right_moment(page, listener, browse):
    _put_in(page, CLICKS, listener.server_port)
    browse(page.as_uri())
    assert listener.seen.get(timeout=60) == {
        "goal": ["highlights", 8.0],  # 20 s − 4 s, with the clip's 8 s at the start of the reel
        "goal_kick": ["keeper", 24.0],  # less than 4 s into its clip: from the clip's start
        "goal_again": ["keeper", 8.0],  # the keeper reel has the goal too: no change of reel
        "previous": ["keeper", 0.0],
        "clip": ["highlights", 24.0],
        "mark": ["highlights", 24.0],
        "candidate": ["highlights", 24.0],  # 64 s − 4 s is where its clip begins
        "now": "2 of 2 · Throw-in",
        "filtered": ["Goal"],
    }


@pytest.fixture
def web(tmp_path):
    """The folder of the page, as a web server gives it; the address of the page."""
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/report.html"
        server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize("by", ["file", "http"])
def test_the_page_works_and_nothing_that_a_stranger_put_in_runs_or_loads(by, page, listener, browse, web):
    _put_in(page, STRANGERS, listener.server_port)
    (page.parent / "reels" / "script.js").write_text("window.ran = true")
    browse(page.as_uri() if by == "file" else web)
    assert listener.seen.get(timeout=60) == {
        "seconds": 34,
        "picture": 16,
        "colour": "rgb(212, 53, 28)",
        "scripted": True,
        "ran": False,
        "refused": ["frame-src", "img-src", "script-src-attr", "script-src-elem", "script-src-elem", "script-src-elem",
                    "style-src-attr", "style-src-elem"],
    }
    assert listener.asked == []
