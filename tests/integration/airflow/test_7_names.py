"""Whatever a recording is called, its name is data: it goes through the real ingest as it is, and nothing of it is run.

While all names come in, `process_match` is paused, because so many matches would take an hour of two cores; then two of
the worst and one that comes after them are published, and the runs of the others are taken back.
"""

from __future__ import annotations

import json
import os
import struct
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from support.footage import ffmpeg
from support.running_airflow import RunningAirflow
from support.waiting import wait_for
from touchline.catalogue import matches, recordings
from touchline.catalogue.recordings import SeenRecording
from touchline.domain.text import shown
from touchline_airflow.access.rest import ApiError
from touchline_airflow.checkout import ROOT

RUNS_CODE = "U15 {{ macros.dateutil.tz.tz.os.popen('id > PWNED').read() }} <img src=x onerror=alert(1)> \u202egpj.mp4"
LONGEST = f"{unicodedata.normalize('NFD', 'Й' * 61)}жж.mp4"
"""252 bytes: each letter of it is two characters of two bytes, as a Mac writes them."""
NAMES = (
    RUNS_CODE, LONGEST,
    "{% for x in ().__class__.__base__.__subclasses__() %}x{% endfor %}.mp4", "{% raw.mp4", "{# open.mp4",
    "{{ 6 * 7 }} {{ conf }} {{ var.value.x }}.mp4", "it's a \"cup\".mp4", "$(touch PWNED).mp4", "`touch PWNED`.mp4",
    "; touch PWNED #.mp4", "%s %(asctime)s %n.mp4", "{0} {self} {x!r}.mp4", "--force.mp4", "-vf movie=x.mp4",
    "<script>alert(1)<script>.mp4", "&lt;b&gt; &amp;.mp4", "🎉⚽👩\u200d👦.mp4",
    "\u0645\u0628\u0627\u0631\u0627\u0629\u200f 2.mp4",
    unicodedata.normalize("NFD", "Été à Besançon.mp4"), "   .mp4", "a..mp4", "a..%2f..%2fetc%2fpasswd.mp4",
    "\\..\\..\\x.mp4", "file:etc.mp4", "concat:a|b.mp4", "' OR 1=1; DROP TABLE matches; --.mp4", f"{'x' * 251}.mp4",
    "a.match.toml.mp4", "[a-z]*?.mp4", "=cmd|' C calc'!A0.mp4", "~root.mp4", "None.mp4",
)
REFUSED = ("two\nlines.mp4", "tab\there.mp4", "\x1b[2Jcleared.mp4", "a\u2028b.mp4")
"""A line break in a name could forge a line of a log, a page or a mail."""
INNOCENT = "innocent.mp4"


def write(airflow: RunningAirflow, tiny: bytes, number: int, name: str) -> Path:
    """A recording with content of its own: a box that nobody reads holds its number."""
    partial = airflow.nas / "copying.part"
    partial.write_bytes(tiny + struct.pack(">I4sQ", 16, b"free", number))
    return partial.rename(airflow.nas / name)


def row(airflow: RunningAirflow, name: str) -> SeenRecording | None:
    return recordings.find(airflow.catalogue, str(airflow.nas / name))


def pause(airflow: RunningAirflow, *, paused: bool) -> None:
    airflow.api.request("PATCH", "/dags/process_match", {"is_paused": paused})


def runs(airflow: RunningAirflow) -> dict[str, dict[str, Any]]:
    """Runs of the recordings of this test, by file name."""
    return {Path(run["conf"]["recording"]).name: run for run in airflow.api.runs("process_match")
            if Path(str(run["conf"].get("recording"))).name in (*NAMES, *REFUSED, INNOCENT)}


def take_back(airflow: RunningAirflow, name: str) -> None:
    """Remove a recording and its run."""
    (airflow.nas / name).unlink(missing_ok=True)
    with suppress(ApiError):  # one that works just now, after a failed test
        if run := runs(airflow).get(name):
            airflow.api.request("DELETE", f"/dags/process_match/dagRuns/{quote(run['dag_run_id'], safe='')}")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tiny") / "tiny.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=10:duration=2", "-f", "lavfi", "-i", "sine=duration=2",
           "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def dropped(airflow: RunningAirflow, tiny: bytes) -> Iterator[set[str]]:
    """All names at once; gives the ingest's runs that had ended before, when each name was decided."""
    before = {run["dag_run_id"] for run in airflow.api.runs("ingest_recordings")
              if run["state"] in ("success", "failed")}
    pause(airflow, paused=True)
    try:
        for number, name in enumerate((*NAMES, *REFUSED)):
            write(airflow, tiny, number, name)
        wait_for("every name to be decided", lambda: all(
            (found := row(airflow, name)) and found.status != "waiting" for name in (*NAMES, *REFUSED)))
        wait_for("every run to be there", lambda: len(runs(airflow)) >= len(NAMES))
        yield before
    finally:
        for name in (*NAMES, *REFUSED):
            take_back(airflow, name)
        pause(airflow, paused=False)


def test_each_is_registered_under_its_name_and_its_run_is_told_the_name_as_it_is(
        airflow: RunningAirflow, dropped: set[str]) -> None:
    found = runs(airflow)
    for name in NAMES:
        seen = row(airflow, name)
        assert seen and (seen.status, seen.reason) == ("registered", None), (name, seen)
        match = matches.find(airflow.catalogue, str(seen.match_id))
        assert match and match.recording == str(airflow.nas / name)
        assert found[name]["conf"]["recording"] == str(airflow.nas / name)
        assert found[name]["conf"]["match_id"] == match.match_id


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_a_name_with_a_control_character_is_refused_in_one_line(
        airflow: RunningAirflow, dropped: set[str], name: str) -> None:
    seen = row(airflow, name)
    assert seen and seen.status == "bad" and name not in runs(airflow)
    assert seen.reason and "in its name: rename it" in seen.reason and seen.reason.isprintable()
    assert airflow.folder(str(seen.match_id)).failure.read_text() == f"{seen.reason}\n"


def test_nothing_was_run_and_only_what_is_refused_is_red(airflow: RunningAirflow, dropped: set[str]) -> None:
    places = (airflow.nas, airflow.processes.state, ROOT, Path.cwd(), Path.home(), Path("/"), Path("/tmp"))
    assert [place for place in places if (place / "PWNED").exists()] == []
    assert list(airflow.processes.state.rglob("PWNED")) == []
    tasks = [task for run in airflow.api.runs("ingest_recordings") if run["dag_run_id"] not in dropped
             for task in airflow.api.tasks("ingest_recordings", run["dag_run_id"])]
    red = [task for task in tasks if task["state"] in ("failed", "upstream_failed")]
    assert {(task["task_id"], task["rendered_map_index"]) for task in red} == {
        ("check_recording", f"recording-{shown(name)}") for name in REFUSED}
    names = [str(task["rendered_map_index"]) for task in tasks if task["task_id"] == "check_recording"]
    assert all(name.replace("\u200d", "").isprintable() and len(name) <= 250 for name in names), names
    assert f"recording-{'x' * 199}…" in names and "recording-{# open.mp4" in names


@pytest.mark.verify
def test_two_of_the_worst_and_one_after_them_are_published_under_their_names(
        airflow: RunningAirflow, dropped: set[str], tiny: bytes) -> None:
    (airflow.nas / f"{unicodedata.normalize('NFC', RUNS_CODE)[:-4]}.Marks.csv").write_text("time,label\n0:01,Foul\n")
    for name in NAMES[2:]:
        take_back(airflow, name)
    pause(airflow, paused=False)
    write(airflow, tiny, len(NAMES) + len(REFUSED), INNOCENT)
    wait_for("the run of the innocent one", lambda: INNOCENT in runs(airflow))
    for name in (RUNS_CODE, LONGEST, INNOCENT):
        run = runs(airflow)[name]
        assert airflow.finish(run["dag_run_id"])["state"] == "success", name
        folder = airflow.folder(run["conf"]["match_id"]).root
        told = json.loads((folder / "match.json").read_text())
        assert told["recordings"][0]["file"] == name
        page = (folder / "report.html").read_text()
        assert "<img src=x" not in page and "\u202e" not in page
    marked = airflow.folder(runs(airflow)[RUNS_CODE]["conf"]["match_id"]).root
    assert [action["label"] for action in json.loads((marked / "actions.json").read_text())["actions"]
            if action["source"] == "mark"] == ["Foul"]
    assert not (airflow.processes.state / "PWNED").exists() and not os.path.exists("PWNED")
