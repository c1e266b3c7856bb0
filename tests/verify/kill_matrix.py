"""Is anything lost when things are killed? Real processes, a real Airflow and engine, seeded.

    PYTHONPATH=include:tests .venv/bin/python -m verify.kill_matrix --runtime process --seed 1 --report FILE

Each match is a copy of the same pictures. While it is made, up to three things are killed, each at a random moment of
another step; a last one may end the run (marked by hand), which then has to be closed truthfully and made again.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import random
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from support.footage import simulate
from support.full_stack import full_stack
from support.own_engine import own_engine
from support.played_match import PATIENCE_SEC, Ground, PlayedMatch, Victim, learn, patiently
from support.running_airflow import SETTINGS, RunningAirflow, running_airflow
from support.waiting import wait_for
from touchline.domain.step_table import STEPS
from verify.kills import OF_ALL, ONE_AT_A_TIME, Kill, Missed, Outcome, strike

MEDIA_STEPS = tuple(step.name for step in STEPS)
TASKS = ("open_match", *MEDIA_STEPS, "close_match")
KILLS: dict[str, dict[str, Sequence[str]]] = {
    "process": {
        "task": TASKS,
        "supervisor": ("open_match", "probe", "spot_chunk", "render_reel", "publish"),
        "scheduler": ("probe", "spot_chunk", "render_reel", "publish"),
        "triggerer": ("open_match", "scan", "spot_chunk", "render_reel"),
        "clear": ("probe", "scan", "spot_chunk", "merge_actions", "render_reel", "publish"),
        "pause": ("scan", "spot_chunk", "publish"),
        "mark failed": ("open_match", "scan", "spot_chunk", "render_reel", "close_match"),
        "mark success": ("probe", "spot_chunk", "render_reel", "publish"),
        "run failed": ("probe", "spot_chunk", "render_reel", "publish"),
        "run success": ("spot_chunk", "render_reel"),
    },
    "docker": {
        "container": MEDIA_STEPS,
        "task": ("probe", "spot_chunk", "render_reel", "publish"),
        "supervisor": ("spot_chunk", "render_reel"),
        "scheduler": ("spot_chunk", "render_reel"),
        "engine killed": ("scan", "spot_chunk", "render_reel", "publish"),
        "engine restarted": ("plan_chunks", "spot_chunk", "render_reel"),
        "clear": ("scan", "spot_chunk", "render_reel"),
        "mark failed": ("spot_chunk", "render_reel"),
        "mark success": ("spot_chunk",),
        "run failed": ("spot_chunk", "render_reel"),
    },
    "stack": {
        "host killed": ("open_match", "probe", "scan", "plan_chunks", "spot_chunk", "merge_actions", "render_reel",
                        "publish", "close_match"),
        "host cut off": ("scan", "spot_chunk", "render_reel", "publish"),
        "redis away": ("probe", "scan", "spot_chunk", "render_reel", "publish"),
        "postgres restarted": ("scan", "spot_chunk", "render_reel", "publish"),
        "postgres killed": ("spot_chunk", "render_reel", "publish"),
        "scheduler killed": ("scan", "spot_chunk", "render_reel", "publish"),
        "api-server killed": ("scan", "spot_chunk", "render_reel", "publish"),
        "dag-processor killed": ("spot_chunk",),
        "triggerer killed": ("spot_chunk",),
        "engine killed": ("spot_chunk", "render_reel"),
    },
}
"""What is killed during which steps. A step of half a second is mostly hit at its end: its process has to be seen."""

KILLS_PER_MATCH = 3
AT_ONCE = {"process": 3, "docker": 3, "stack": 2}
"""What the full stack suffers lasts a minute: of more matches most would be through with the step in question."""
ROUNDS = ("kill", "again", "once-more")
ENDS_WITHIN_SEC = 30
REASONS = {
    "mark failed": "{step}|the run was marked failed by hand",
    "mark success": "clear|run the step|run success",
    "run failed": "the run was marked failed by hand while .*{step}|the run was ended before",
    "run success": "the run ended as success, but",
}
"""What a reason has to say to be true; the order of the words is not held fast."""

TIDY_BY_US = {"TIDY_EVERY_SEC": "86400"}
TUNING = {
    **TIDY_BY_US,
    "GPU_SLOTS_PER_CHUNK": "2",  # one chunk at work: what is counted is that no other is computed again
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
}
_tidy = threading.Lock()
_numbers = itertools.count(1)


def plan(runtime: str, seed: int) -> list[list[Kill]]:
    """All kills, as matches with up to three kills in the order of their steps; what may end a run comes last."""
    chance = random.Random(seed)
    kills = [Kill(kind, step, round(chance.uniform(0, 0.9), 2)) for kind, steps in KILLS[runtime].items()
             for step in steps]
    chance.shuffle(kills)
    return pack(kills)


def pack(kills: Sequence[Kill]) -> list[list[Kill]]:
    """Spread kills over as few matches as they fit in."""
    plays = [[kill] for kill in kills if kill.may_end_the_run]
    for kill in (kill for kill in kills if not kill.may_end_the_run):
        fitting = [play for play in plays if _fits(kill, play)]
        min(fitting, key=len).append(kill) if fitting else plays.append([kill])
    return [sorted(play, key=_order) for play in plays]


def play(ground: Ground, name: str, kills: Sequence[Kill]) -> list[Outcome]:
    """Make one match through all its kills."""
    match = PlayedMatch(ground, name)
    match.trigger(f"{name}-1")
    outcomes = [Outcome(kill, name) for kill in kills]
    current = outcomes[0]
    try:
        for current in outcomes:
            _suffer(match, current)
        state = match.wait_for_end()
        if current.kill.may_end_the_run and current.hit:
            _settle(match, current)
        elif state != "success":
            current.wrong.append(f"the run failed: {match.status()}")
        run_tidy(ground)
        current.wrong += match.wrong()
    except Exception as error:
        current.wrong.append(f"{type(error).__name__}: {error}")
    for outcome in outcomes:
        print(f"{name} {outcome.kill.kind} @ {outcome.kill.step} {outcome.kill.moment}: "
              f"{'hit' if outcome.hit else 'missed'}, recovered in {outcome.recovery_sec:.0f} s, "
              f"{outcome.recomputed} chunks again; {outcome.reason or 'no reason'}; {outcome.wrong or 'all right'}",
              flush=True)
    return outcomes


def run_tidy(ground: Ground) -> None:
    """Have `tidy` run once, after all that has happened so far."""
    with _tidy:
        run_id = f"by-hand-{next(_numbers)}"
        patiently(lambda: ground.api.trigger("tidy", {}, run_id))
        state = wait_for("tidy", lambda: (state := patiently(lambda: ground.api.run("tidy", run_id))["state"])
                         in ("success", "failed") and state, PATIENCE_SEC, 1)
        assert state == "success", "tidy failed"


def _suffer(match: PlayedMatch, outcome: Outcome) -> None:
    kill = outcome.kill
    victim = match.wait_until_at_work(kill.step)
    if not victim:
        return
    time.sleep(kill.moment * match.ground.reference.usual_sec.get(kill.step, 0.0))
    with ONE_AT_A_TIME:
        if not victim.is_at_work:
            return
        chunks, running = match.finished_chunks(), match.running_chunks()
        at_work, interrupted = match.work_units(host=victim.host), match.work_units("spot_chunk", victim.host)
        started = time.monotonic()
        try:
            strike(kill, match, victim)
        except Missed:
            return
        outcome.hit = True
        if kill.ends_the_step:
            _check_end(match, victim, at_work, outcome)
            outcome.recomputed = len(interrupted)
        if kill.kind in OF_ALL:
            time.sleep(2)
    if not kill.may_end_the_run:
        done_by = wait_for(f"{kill.step} to be done", lambda: _done_by(match, victim), PATIENCE_SEC, 0.5)
        outcome.hit = not kill.ends_the_step or done_by != victim.instance  # else it had ended before the kill
        if not kill.ends_the_step:
            outcome.recomputed += match.computed_again(running)
    outcome.recovery_sec = time.monotonic() - started
    now = match.finished_chunks()
    outcome.recomputed += sum(now.get(path) != mark for path, mark in chunks.items())
    if outcome.recomputed > 1:
        outcome.wrong.append(f"{outcome.recomputed} chunks were computed again")


def _check_end(match: PlayedMatch, victim: Victim, at_work: set[str], outcome: Outcome) -> None:
    """What worked on the step must not go on beside its next try."""
    if not wait_quietly(lambda: not at_work & match.work_units(), ENDS_WITHIN_SEC):
        outcome.wrong.append(f"{', '.join(at_work & match.work_units())} ran on")
    if not wait_quietly(lambda: not victim.is_at_work, ENDS_WITHIN_SEC):
        outcome.wrong.append("the task's process ran on")


def wait_quietly(look: Callable[[], object], timeout_sec: float) -> bool:
    """Whether it came true in time."""
    with contextlib.suppress(AssertionError):
        return bool(wait_for("", look, timeout_sec))
    return False


def _done_by(match: PlayedMatch, victim: Victim) -> str:
    """Id of the instance that did the step; empty while it is not done."""
    place = victim.step, victim.map_index
    task = next(task for task in match.tasks() if (task["task_id"], task["map_index"]) == place)
    if task["state"] in ("failed", "upstream_failed"):
        raise AssertionError(f"{victim.step} failed: {match.status()}")
    return str(task["id"]) if task["state"] == "success" else ""


def _settle(match: PlayedMatch, outcome: Outcome) -> None:
    """The run has ended by hand: its match must be closed truthfully, and be made when it is asked for again."""
    kill, started = outcome.kill, time.monotonic()
    wait_quietly(lambda: not match.work_units(), ENDS_WITHIN_SEC)
    run_tidy(match.ground)
    outcome.recovery_sec += time.monotonic() - started
    status, outcome.reason = match.status()
    if status == "published":  # the kill came after the commit
        outcome.wrong += match.wrong()
        return
    if match.match_id:
        outcome.wrong += match.left_over()
        pattern = REASONS[kill.kind].format(step=kill.step)
        if status != "failed" or not re.search(pattern, outcome.reason or ""):
            outcome.wrong.append(f"not a true reason: {status}, {outcome.reason}")
        elif match.folder.failure.read_text().strip() != outcome.reason:
            outcome.wrong.append("FAILED.txt says something else")
    if kill.kind.startswith("run"):
        match.trigger(f"{match.name}-2")
    else:
        match.clear(kill.step)
    if match.wait_for_end() != "success":
        outcome.wrong.append(f"made again, it failed: {match.status()}")


def _fits(kill: Kill, kills: Sequence[Kill]) -> bool:
    steps = {each.step for each in kills}
    ending = [each for each in kills if each.may_end_the_run]
    return (len(kills) < KILLS_PER_MATCH and kill.step not in steps
            and all(_order(kill) < _order(each) for each in ending))


def _order(kill: Kill) -> int:
    return TASKS.index(kill.step)


def table(outcomes: Sequence[Outcome]) -> str:
    """One row per kind and step, and a sum."""
    rows = ["| killed | during | kills | published | first failed with its reason | left over or wrong "
            "| chunks computed again | recovered within |", "|---|---|---|---|---|---|---|---|"]
    hits = sorted((outcome for outcome in outcomes if outcome.hit),
                  key=lambda outcome: (outcome.kill.kind, _order(outcome.kill)))
    for (kind, step), same in itertools.groupby(hits, lambda outcome: (outcome.kill.kind, outcome.kill.step)):
        rows.append(_row(kind, step, list(same)))
    return "\n".join([*rows, _row("**all**", "", hits)])


def _row(kind: str, step: str, outcomes: Sequence[Outcome]) -> str:
    wrong = sum(len(outcome.wrong) for outcome in outcomes)
    return (f"| {kind} | {step} | {len(outcomes)} | {sum(not outcome.wrong for outcome in outcomes)} "
            f"| {sum(outcome.reason is not None for outcome in outcomes)} | {wrong} "
            f"| {max((outcome.recomputed for outcome in outcomes), default=0)} "
            f"| {max((outcome.recovery_sec for outcome in outcomes), default=0):.0f} s |")


def run_matrix(runtime: str, seed: int, folder: Path, only: str = "", half: slice = slice(None)) -> list[Outcome]:
    """Play the matches below `folder`, a few at once; what missed its step is tried again."""
    with new_ground(runtime, folder) as ground:
        run_tidy(ground)  # the pools are as large as the workers now, and the run that Airflow planned is over
        match = PlayedMatch(ground, "undisturbed")
        match.trigger("undisturbed-1")
        assert match.wait_until_at_work("spot_chunk")
        run_tidy(ground)
        assert match.status() == ("processing", None), "tidy closed a match that is being made"
        assert match.wait_for_end() == "success"
        ground.reference = learn(match)
        run_tidy(ground)
        assert list(match.wrong()) == []
        plays = [kills for kills in plan(runtime, seed) if re.search(only, str(kills))][half]
        outcomes: list[Outcome] = []
        for name in ROUNDS:
            played = _play_all(ground, plays, name, AT_ONCE[runtime])
            outcomes += played
            plays = pack([Kill(outcome.kill.kind, outcome.kill.step, 0.0) for outcome in played if not outcome.hit])
        _check_ground(ground)
    return outcomes


def _play_all(ground: Ground, plays: Sequence[Sequence[Kill]], name: str, at_once: int) -> list[Outcome]:
    pool = ThreadPoolExecutor(at_once)
    try:
        played = [pool.submit(play, ground, f"{name}-{number:02}", kills) for number, kills in enumerate(plays, 1)]
        return [outcome for future in played for outcome in future.result()]
    finally:  # who was told to end ends Airflow at once, and what is played with it
        pool.shutdown(wait=False, cancel_futures=True)


def _check_ground(ground: Ground) -> None:
    """Nothing is left anywhere."""
    assert ground.airflow.steps_running() == []
    for root in (ground.airflow.working_dir, *ground.airflow.scratch_dirs, ground.airflow.nas):
        assert [path for path in root.rglob("*") if ".part" in path.name] == []
    for host in ground.airflow.engines:
        assert ground.airflow.docker("ps", "--all", "--quiet", host=host) == ""


@contextlib.contextmanager
def new_ground(runtime: str, folder: Path) -> Iterator[Ground]:
    """A running Airflow, for containers with engines of its own; nothing of it runs afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    footage = simulate(folder / "footage", 26, 3)
    running = (full_stack(folder, {**SETTINGS, **TIDY_BY_US, "TOUCHLINE_RUNTIME": "docker"}) if runtime == "stack"
               else embedded(runtime, folder))
    with running as airflow:
        ground = Ground(airflow, footage)
        for dag in {dag["dag_id"] for dag in ground.api.dags()} - {"process_match", "tidy"}:
            patiently(lambda dag=dag: ground.api.request("PATCH", f"/dags/{dag}", {"is_paused": True}))
        yield ground


@contextlib.contextmanager
def embedded(runtime: str, folder: Path) -> Iterator[RunningAirflow]:
    """The embedded Airflow."""
    with contextlib.ExitStack() as ends:
        engines = {"": ends.enter_context(own_engine())} if runtime == "docker" else {}
        address = {"DOCKER_HOST": engines[""].address} if engines else {}
        settings = {**SETTINGS, **TUNING, **address, "TOUCHLINE_RUNTIME": runtime}
        yield ends.enter_context(running_airflow(folder, settings, engines=engines))


def main() -> int:
    """Play, print and write the table; 0 when nothing was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runtime", choices=list(KILLS), default="process")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="REGEX", help="matches whose kills look like this")
    parser.add_argument("--folder", type=Path, help="keep everything here (default: a temporary folder)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="where the table goes as well")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing stays
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        outcomes = run_matrix(arguments.runtime, arguments.seed, arguments.folder or Path(temporary), arguments.only)
    text = table(outcomes)
    print(text)
    if arguments.report:
        arguments.report.write_text(text + "\n")
    return int(any(outcome.wrong for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
