"""Pause, resume, halt, status and the stop for cost while three matches are made in containers.

Nothing is lost and nothing is computed twice: no finished chunk is written again, no task needs a second try, and each
match is published once, as it is without any of this. OPS_REPORT is a file for what was seen.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from support.footage import simulate
from support.mail_sink import MailSink, text_of
from support.own_engine import missing_for_containers
from support.played_match import PATIENCE_SEC, Ground, PlayedMatch, Reference, learn
from support.running_airflow import SETTINGS, running_airflow
from support.services import free_port
from support.waiting import wait_for
from touchline.settings import Settings
from touchline_airflow.access.login import password_of
from touchline_airflow.ops.stuck import find_stuck, set_right
from touchline_airflow.runtime.container_spec import deployment_of
from touchline_deploy.build.engine import Engine, default_folder

pytestmark = pytest.mark.verify
RATE = {"COST_PER_GPU_HOUR": "3600"}
"""One a second."""
QUIET_SEC = 20


def test_three_matches_are_held_halted_and_let_go(tmp_path: Path) -> None:
    with story(tmp_path) as told:
        with told.airflow() as ground:
            [reference] = told.drop(ground, "undisturbed")
            told.all_have_runs(ground)
            told.stuck_work_is_set_right(ground)
            assert reference.wait_for_end() == "success"
            told.reference = ground.reference = learn(reference)
            told.drop(ground, "first", "second", "third")
            told.all_have_runs(ground)
            told.at_work(ground, "spot_chunk")
            told.held_by_a_pause(ground)
            told.drop(ground, "dropped while it is held")
        with told.airflow() as ground:
            told.still_held_after_a_restart(ground)
            told.ops(ground, "resume")
            told.at_work(ground, "spot_chunk")
            told.held_by_a_halt(ground)
            told.ops(ground, "resume")
            told.all_published_once(ground)


def test_a_limit_of_a_match_holds_by_itself_and_says_so_by_mail(tmp_path: Path) -> None:
    with story(tmp_path) as told, MailSink(free_port("127.0.0.1")) as sink:
        limits = {**RATE, "COST_PER_MATCH_LIMIT": "8", "MAIL_OPERATOR": "operator@example.org",
                  "AIRFLOW_CONN_SMTP_DEFAULT": sink.connection}
        with told.airflow(limits) as ground:
            told.drop(ground, "dear", "dearer", "dearest")
            told.all_have_runs(ground)
            wait_for("the first stop for cost", lambda: told.status(ground)["hold"], PATIENCE_SEC, 2)
            held = told.status(ground)["hold"]
            assert held["kind"] == "cost" and held["who"] == "touchline" and "COST_PER_MATCH_LIMIT is 8" in held["why"]
            told.nothing_runs(ground)
            [mail] = wait_for("the mail", lambda: about_costs(sink), PATIENCE_SEC)
            told.say(f"held for cost: {held['why']}; mail {mail['Subject']!r} to {mail['To']}")
            assert mail["To"] == "operator@example.org"
            assert held["why"] in " ".join(text_of(mail).split())
            stops = told.resume_until_done(ground)
            assert len(about_costs(sink)) == stops, "one mail for each stop"
            ground.reference = learn(told.matches[0])
            told.all_published_once(ground)


def about_costs(sink: MailSink) -> list[EmailMessage]:
    """Airflow sends other mails as well, a summary for one."""
    return [mail for mail in sink.mails if "Stopped for cost" in mail["Subject"]]


class Story:
    """What is done to one Airflow and what is seen of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.engine = Engine(default_folder())
        self.footage = simulate(folder / "footage", 26, 3)
        self.matches: list[PlayedMatch] = []
        self.reference = Reference()
        self.finished: dict[Path, tuple[int, int]] = {}
        """Each chunk's result as it was first seen: another inode or time says that it was written again."""
        self.began = time.monotonic()

    @contextlib.contextmanager
    def airflow(self, settings: dict[str, str] | None = None) -> Iterator[Ground]:
        """The embedded Airflow, with the same state each time."""
        given = {**SETTINGS, **RATE, "TOUCHLINE_RUNTIME": "docker", "DOCKER_HOST": self.engine.address,
                 "GPU_SLOTS_PER_CHUNK": "2", **(settings or {})}
        with running_airflow(self.folder, given, engines={"": self.engine}) as airflow:
            ground = Ground(airflow, self.footage, self.reference)
            for match in self.matches:
                match.ground, match.api = ground, ground.api
            yield ground

    def drop(self, ground: Ground, *names: str) -> list[PlayedMatch]:
        """Recordings for the ingest; what was dropped is in `matches` from now on."""
        dropped = [PlayedMatch(ground, name) for name in names]
        self.matches += dropped
        return dropped

    def all_have_runs(self, ground: Ground) -> None:
        """Wait until the ingest has started a run for each."""
        for match in self.matches:
            wait_for(f"the run of {match.name}", lambda m=match: m.match_id, PATIENCE_SEC)
            match.run_id = match.run_id or wait_for(f"the run of {match.name}", lambda m=match: next(
                (run["dag_run_id"] for run in ground.api.runs("process_match")
                 if run["conf"].get("match_id") == m.match_id), ""), PATIENCE_SEC)

    def ops(self, ground: Ground, *arguments: str) -> str:
        """What `touchline-ops` prints."""
        began = time.monotonic()
        environ = {**os.environ, "TOUCHLINE_URL": ground.airflow.processes.api_url,
                   "TOUCHLINE_PASSWORD": password_of(ground.airflow.processes.state)}
        argv = [sys.executable, "-m", "touchline_airflow.cli", *arguments]
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        if "--json" not in arguments:
            self.say(f"touchline-ops {' '.join(arguments)} ({time.monotonic() - began:.1f} s):\n{done.stdout.rstrip()}")
        return done.stdout

    def status(self, ground: Ground) -> dict[str, Any]:
        """`touchline-ops status --json`."""
        return dict(json.loads(self.ops(ground, "status", "--json")))

    def at_work(self, ground: Ground, step: str) -> None:
        """Wait until a container of a step works, and one chunk is done that must not be computed again."""
        known = len(self.finished)
        wait_for("one more finished chunk", lambda: len(self.note_finished()) > known, PATIENCE_SEC)
        wait_for(f"{step} at work", lambda: containers(ground, step), PATIENCE_SEC)

    def note_finished(self) -> dict[Path, tuple[int, int]]:
        """Remember each finished chunk; one that was written again is wrong."""
        for match in self.matches:
            for path, identity in match.finished_chunks().items():
                assert self.finished.setdefault(path, identity) == identity, f"{path} was computed twice"
        return self.finished

    def stuck_work_is_set_right(self, ground: Ground) -> None:
        """Somebody made the pool smaller than one chunk; here after seconds, by `tidy` after ten minutes."""
        content = {"name": "gpu", "slots": 1, "include_deferred": False}
        ground.api.request("PATCH", "/pools/gpu?update_mask=slots", content)
        stuck = wait_for("a chunk that waits for ever", lambda: find_stuck(ground.api, after_sec=5), PATIENCE_SEC, 2)
        assert "the pool gpu has 1 slots and it takes 2" in stuck[0].line
        self.say(f"stuck: {stuck[0].line}; {set_right(ground.api, stuck)[0]}")
        tidy = ground.api.trigger("tidy", {})["dag_run_id"]
        assert ground.api.wait_for_run("tidy", tidy, 180)["state"] == "success"

    def held_by_a_pause(self, ground: Ground) -> None:
        before, done = containers(ground), len(self.note_finished())
        assert self.status(ground)["hold"] is None and before
        self.ops(ground, "pause", "--why", "the machine is needed")
        self.ops(ground, "status")
        held = self.status(ground)["hold"]
        assert held["kind"] == "pause" and held["why"] == "the machine is needed" and held["who"].endswith("(admin)")
        started = after_the_last(lambda: containers(ground), 180)
        assert started <= before, "a step was started while all was held"
        assert len(self.note_finished()) > done, "the chunk that ran did not come to its end"
        self.nothing_runs(ground)

    def still_held_after_a_restart(self, ground: Ground) -> None:
        assert self.status(ground)["hold"]["kind"] == "pause"
        self.nothing_runs(ground)
        dropped = self.matches[-1]
        assert not dropped.match_id and not dropped.work_units(), "a match was begun while all was held"

    def held_by_a_halt(self, ground: Ground) -> None:
        assert containers(ground)
        before, began = self.note_finished().copy(), time.monotonic()
        self.ops(ground, "halt")
        wait_for("the end of all containers", lambda: not containers(ground), 30)
        self.say(f"no container runs {time.monotonic() - began:.1f} s after `touchline-ops halt` was typed")
        self.ops(ground, "status")
        assert self.status(ground)["hold"]["kind"] == "halt"
        self.nothing_runs(ground)
        assert self.note_finished() == before

    def nothing_runs(self, ground: Ground) -> None:
        """For a while, after what ran has come to its end."""
        wait_for("the end of what runs", lambda: not containers(ground), 180)
        deadline = time.monotonic() + QUIET_SEC
        while time.monotonic() < deadline:
            assert not containers(ground)
            time.sleep(0.2)

    def resume_until_done(self, ground: Ground) -> int:
        """Let it go on after each stop; returns how many there were."""
        stops = 1
        self.ops(ground, "resume")
        deadline = time.monotonic() + 900
        while any(match.run_state() not in ("success", "failed") for match in self.matches):
            assert time.monotonic() < deadline
            if self.status(ground)["hold"]:
                stops += 1
                self.ops(ground, "resume")
            time.sleep(1)
        self.say(f"stops for cost: {stops}")
        return stops

    def all_published_once(self, ground: Ground) -> None:
        self.all_have_runs(ground)
        for match in self.matches:
            assert match.wait_for_end() == "success", match.status()
            assert list(match.wrong()) == []
            tries = {(task["task_id"], task["map_index"]): task["try_number"] for task in match.tasks()}
            assert set(tries.values()) == {1}, "a try was lost"
        self.note_finished()
        self.ops(ground, "status")
        self.say(f"{len(self.matches)} matches published once, {len(self.finished)} chunks each written once")

    def say(self, line: str) -> None:
        """For people who read along."""
        line = f"[{time.monotonic() - self.began:6.1f} s] {line}"
        print(line, flush=True)
        if report := os.environ.get("OPS_REPORT"):
            with Path(report).open("a") as handle:
                handle.write(line + "\n")


def containers(ground: Ground, step: str = "") -> set[str]:
    """Ids of the containers of its steps that run."""
    ours = deployment_of(Settings(working_dir=ground.airflow.working_dir))
    labels = [f"deployment={ours}", *([f"task_id={step}"] if step else [])]
    filters = [f"--filter=label=touchline.{label}" for label in labels]
    return set(ground.airflow.docker("ps", "--no-trunc", "--quiet", *filters).split())


def after_the_last(look: Callable[[], set[str]], timeout_sec: float) -> set[str]:
    """All that was seen until nothing was."""
    seen: set[str] = set()
    deadline = time.monotonic() + timeout_sec
    while found := look():
        seen |= found
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return seen


@contextlib.contextmanager
def story(folder: Path) -> Iterator[Story]:
    """One whose steps run in containers, or a reason why there is none."""
    if missing := missing_for_containers():
        assert os.environ.get("TOUCHLINE_ENGINE") != "required", missing
        pytest.skip(missing)
    yield Story(folder)
