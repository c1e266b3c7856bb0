"""Watch one match become reels: `make demo [RECORDING=path] [SECONDS=180] [SEED=1] [EXIT=1]`.

Starts Airflow on this machine, simulates a match or takes a recording of yours, drops it into the watched folder,
shows progress until the match folder is published, and stays up until Ctrl-C. All of it lies below `.demo/`, which
may be deleted at any time.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from touchline.alone import alone
from touchline.catalogue import matches
from touchline.domain.layout import MatchFolder
from touchline.domain.run_id import ingest_run_id
from touchline.errors import TouchlineError
from touchline.results.request import make_request
from touchline.settings import Settings
from touchline_airflow.access.login import USER, login_file, password_of
from touchline_airflow.access.rest import AirflowApi, ApiError
from touchline_airflow.access.state_folder import DEMO as STATE
from touchline_airflow.access.state_folder import status_of
from touchline_airflow.checkout import ROOT
from touchline_deploy.embedded.demo_watch import (
    DAG,
    before_the_run,
    find_run,
    moment,
    refusal,
    stage_seconds,
    tasks_line,
)
from touchline_deploy.embedded.standalone import StandaloneError, start
from touchline_deploy.live_line import LiveLine

NAS = STATE / "nas"
OUTPUT = NAS / "output"
SIDECARS = (("match.toml", ".match.toml"), ("marks.csv", ".marks.csv"))
RUNTIMES = {"docker": "in a container of its own (docs/how-to/containers.md)",
            "process": "as a process beside Airflow; with a Docker engine and `make images` in a container"}
QUICKER = {"WATCH_STABLE_TIME_SEC": "5", "WATCH_BAD_AFTER_SEC": "60"}
"""A demo waits less than a NAS; a variable that is set wins."""


class DemoError(Exception):
    """One line for a person."""


@dataclass(frozen=True)
class Dropped:
    """A recording in the watched folder; `at` is the moment of its rename, None if it lay there before."""

    path: Path
    match_id: str
    at: float | None


def main() -> int:
    """Run the demo; 0 when the match was published."""
    arguments = parse_arguments()
    line = LiveLine()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with one_demo():
            source = recording_of(arguments, line)
            return run(source, arguments, line)
    except (DemoError, StandaloneError, TouchlineError) as error:
        line.say(f"demo: {error}")
        return 1
    except KeyboardInterrupt:
        line.say("demo: ended; nothing of it runs any more")
        return 130


def parse_arguments() -> argparse.Namespace:
    """What make hands over; the recording comes in the environment, because its name may hold anything."""
    parser = argparse.ArgumentParser(description="Watch one match become reels.")
    parser.add_argument("--recording", type=Path, default=os.environ.get("RECORDING") or None, help="a file of yours")
    parser.add_argument("--seconds", type=int, default=180, help="length of the simulated match (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which simulated match (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8080, help="first port to try (default: %(default)s)")
    parser.add_argument("--exit", action="store_true", help="end when the reels are there")
    return parser.parse_args()


@contextlib.contextmanager
def one_demo() -> Iterator[None]:
    """One demo at a time."""
    NAS.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(alone(STATE / "demo.lock", wait=False))
        except BlockingIOError:
            raise DemoError("another demo runs already: end it with Ctrl-C first") from None
        yield


# --- The recording --------------------------------------------------------------------------------------------------

def recording_of(arguments: argparse.Namespace, line: LiveLine) -> Path:
    """The recording that was named, or a simulated one; made once and kept."""
    if arguments.recording:
        path = Path(os.path.expanduser(arguments.recording)).resolve()
        if not path.is_file():
            raise DemoError(f"RECORDING={arguments.recording} is not there or is not a plain file")
        return path
    folder = STATE / "simulated" / f"match-{arguments.seconds}s-seed{arguments.seed}"
    if not (folder / "match.mp4").exists():
        simulate(folder, arguments, line)
    return folder / "match.mp4"


def simulate(folder: Path, arguments: argparse.Namespace, line: LiveLine) -> None:
    """Make the match in a folder that gets its name when all is there."""
    making = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(making, ignore_errors=True)
    argv = [str(ROOT / ".venv-worker" / "bin" / "touchline"), "simulate", f"--seconds={arguments.seconds}",
            f"--seed={arguments.seed}", "--output", str(making)]
    with line.waiting(lambda: f"simulating a match of {arguments.seconds} s"):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DemoError(f"the match could not be simulated: {last_line(done.stderr)}")
    making.rename(folder)
    line.say(f"simulated a match of {arguments.seconds} s (seed {arguments.seed}): {folder / 'match.mp4'}")


def drop(source: Path, catalogue: str) -> Dropped:
    """Copy the recording into the watched folder under a dot name, then rename it, as a careful person does."""
    request = make_request([source])
    content = request.fingerprints[0]
    known = matches.find_content(catalogue, content)
    if known and Path(known.recording).exists():
        return Dropped(Path(known.recording), known.match_id, None)
    target = NAS / name_in_nas(source)
    if target.exists() and make_request([target]).fingerprints[0] == content:
        return Dropped(target, make_request([target]).match_id, None)
    target = free_name(target)
    for generic, ending in SIDECARS:
        for sidecar in (source.with_name(source.stem + ending), source.with_name(generic)):
            if sidecar.is_file():
                shutil.copyfile(sidecar, target.with_name(target.stem + ending))
                break
    copying = target.with_name(f".{target.name}.part")
    shutil.copyfile(source, copying)
    copying.rename(target)
    return Dropped(target, known.match_id if known else make_request([target]).match_id, time.time())


def name_in_nas(source: Path) -> str:
    """A simulated match is named after its folder, so that it can be told from another."""
    return f"{source.parent.name}.mp4" if source.is_relative_to(STATE / "simulated") else source.name


def free_name(path: Path) -> Path:
    """The path, or `name-2.mp4` and so on where another recording has that name."""
    names = (path if number == 1 else path.with_stem(f"{path.stem}-{number}") for number in range(1, 1000))
    return next(name for name in names if not name.exists())


# --- The run --------------------------------------------------------------------------------------------------------

def run(source: Path, arguments: argparse.Namespace, line: LiveLine) -> int:
    """Start Airflow, drop the recording, follow it to its end, stay until Ctrl-C."""
    settings = {name: os.environ.get(name, value) for name, value in QUICKER.items()}
    started = time.monotonic()
    with line.waiting(startup_text):
        airflow = start(STATE, NAS, OUTPUT, port=arguments.port, settings=settings)
    published = False
    try:
        line.say(f"Airflow is up after {time.monotonic() - started:.0f} s: {airflow.api_url}")
        line.say(f"Log in as {USER} with the password {password_of(STATE)} (it stands in {login_file(STATE)}).")
        line.say(f"Each step runs {RUNTIMES[airflow.runtime]}.")
        catalogue = Settings(working_dir=airflow.working_dir).catalogue_address
        dropped = drop(source, catalogue)
        published = follow(dropped, catalogue, airflow.api(), line)
        line.say(f"Airflow's UI: {airflow.api_url}/dags/{DAG} (user {USER}, password in {login_file(STATE)})")
        line.say("What it measures goes out by UDP; with a Docker engine `make dashboards` shows it in Grafana.")
        if not arguments.exit:
            line.say("Ctrl-C ends the demo.")
            while True:
                signal.pause()
    except KeyboardInterrupt:
        if not published:
            raise
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with line.waiting(lambda: "ending Airflow"):
            airflow.stop()
    line.say("ended; nothing of it runs any more")
    return 0 if published else 1


def follow(dropped: Dropped, catalogue: str, api: AirflowApi, line: LiveLine) -> bool:
    """Show how far the match is until it is published or has failed; True when it is published."""
    match = matches.find(catalogue, dropped.match_id)
    if match and match.status == "published":
        line.say(f"already made: {dropped.match_id} is published; the same recording is not processed twice")
        show_folder(dropped.match_id, line)
        return True
    if match and match.status in ("failed", "bad"):
        line.say(f"{dropped.match_id} failed before ({match.reason}): trying again")
        api.trigger(DAG, {"recording": str(dropped.path)}, ingest_run_id(dropped.match_id, f"demo-{int(time.time())}"))
    line.say(f"dropped {dropped.path}" if dropped.at else f"{dropped.path} was dropped by an earlier demo")
    while True:
        if reason := refusal(catalogue, dropped.path):
            line.say(f"the recording is bad: {reason}")
            return False
        try:
            ended = look(dropped, catalogue, api, line)
        except (ApiError, OSError) as error:
            line.show(f"Airflow does not answer, waiting: {last_line(str(error))}", key="no answer")
            ended = None
        if ended:
            return report(dropped, ended, catalogue, api, line)
        time.sleep(1)


def look(dropped: Dropped, catalogue: str, api: AirflowApi, line: LiveLine) -> str | None:
    """One look; returns the id of the run when it has ended."""
    airflow_run = find_run(api, dropped.match_id)
    if airflow_run is None:
        since = f" ({time.time() - dropped.at:.0f} s)" if dropped.at else ""
        waiting = before_the_run(catalogue, dropped.path, dropped.match_id)
        line.show(waiting.text + since, key=waiting.key)
        return None
    run_id = str(airflow_run["dag_run_id"])
    if airflow_run["state"] in ("success", "failed"):
        return run_id
    progress = tasks_line(api, catalogue, run_id)
    line.show(progress.text, key=progress.key)
    return None


def report(dropped: Dropped, run_id: str, catalogue: str, api: AirflowApi, line: LiveLine) -> bool:
    """Say what came of the run, and how long it took."""
    ended = api.run(DAG, run_id)
    if ended["state"] != "success":
        match = matches.find(catalogue, dropped.match_id)
        line.say(f"the match failed: {(match and match.reason) or 'read the log of the failed task in the UI'}")
        return False
    began, over = moment(ended["start_date"]), moment(ended["end_date"])
    line.say(f"published {dropped.match_id}")
    show_folder(dropped.match_id, line)
    if dropped.at:
        line.say(f"  complete drop to run start {began - dropped.at:.1f} s, run {over - began:.1f} s")
    seconds = stage_seconds(api, run_id)
    line.say("  seconds by task: " + ", ".join(f"{name} {took:.1f}" for name, took in seconds.items() if took >= 0.05))
    return True


def show_folder(match_id: str, line: LiveLine) -> None:
    """Print the reels and the report of a match folder."""
    folder = MatchFolder(OUTPUT, match_id).root
    for description in sorted((folder / "reels").glob("*.json")):
        reel = json.loads(description.read_text())
        video = description.with_suffix(".mp4")
        clips = len(reel.get("clips", []))
        line.say(f"  {video}  {clips} clip{'' if clips == 1 else 's'}, {reel.get('duration_ms', 0) / 1000:.1f} s"
                 if video.exists() else f"  no {description.stem} reel: the match has no action for it")
    line.say(f"  {folder / 'report.html'}")


# --- Small things ---------------------------------------------------------------------------------------------------

def startup_text() -> str:
    """What Airflow's start is waiting for."""
    try:
        with urllib.request.urlopen(f"{status_of(STATE)['url']}/api/v2/monitor/health", timeout=2) as answer:  # noqa: S310
            health = json.load(answer)
    except (OSError, ValueError, KeyError):
        if not (STATE / "airflow" / "database.stamp").exists():
            return "starting Airflow: making its database (at the first start only)"
        return "starting Airflow: waiting for the API server"
    late = [name.replace("_", "-") for name, part in health.items() if part.get("status") != "healthy"]
    return f"starting Airflow: waiting for {', '.join(late)}" if late else "starting Airflow: all components are up"


def last_line(text: str) -> str:
    """The last line of a command's output that says something."""
    lines = [part.strip() for part in re.split(r"[\r\n]", text) if part.strip()]
    return lines[-1] if lines else "no reason was given"


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
