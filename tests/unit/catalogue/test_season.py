"""A season of 500 matches with 200,000 actions goes up in five minutes and down in two, and nothing of it is lost."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from touchline.catalogue.connection import now_ms
from touchline.catalogue.database import open_database
from touchline.catalogue.migrate import current_revision, migrate
from touchline.catalogue.schema import HEAD, actions, matches, recordings, reels, runs, stage_times

pytest.importorskip("psycopg2", reason="PostgreSQL is reached from the Airflow side's environment")

MATCHES, ACTIONS_EACH, CHUNKS = 500, 400, 9
STAGES = ("probe", "scan", "plan_chunks", "merge_actions", "plan_reels", "publish")
UP_SEC, DOWN_SEC = 300, 120
SEASON = {matches: MATCHES, recordings: MATCHES, runs: 2 * MATCHES, actions: MATCHES * ACTIONS_EACH,
          stage_times: 2 * MATCHES * (len(STAGES) + CHUNKS + 2), reels: 2 * MATCHES}


def play_season(url: str) -> None:
    """Rows as revision 0002 knows them: two runs of each match."""
    moment = now_ms()
    ids = [f"match-{number:03}-{number:012x}" for number in range(MATCHES)]
    run_ids = [(f"match__{match_id}__{attempt}", match_id) for match_id in ids for attempt in (1, 2)]
    parts = [(stage, "") for stage in STAGES]
    parts += [("spot_chunk", f"chunk-{number:04}") for number in range(CHUNKS)]
    parts += [("render_reel", name) for name in ("highlights", "keeper")]
    content = {
        matches: [{"match_id": match_id, "fingerprint": f"{number:064x}", "recording": f"/nas/{match_id}.mp4",
                   "title": f"Match {number}", "status": "published", "duration_ms": 5_400_000, "attempt": 1,
                   "created_at_ms": moment, "updated_at_ms": moment} for number, match_id in enumerate(ids)],
        recordings: [{"path": f"/nas/{match_id}.mp4", "size_bytes": 4 << 30, "mtime_ns": moment,
                      "tail_digest": "d" * 64, "first_seen_ms": moment, "still_since_ms": moment,
                      "checked_at_ms": moment, "status": "registered", "match_id": match_id} for match_id in ids],
        runs: [{"run_id": run_id, "match_id": match_id, "status": "published", "started_at_ms": moment,
                "ended_at_ms": moment} for run_id, match_id in run_ids],
        actions: [{"match_id": match_id, "number": number, "match_ms": number * 13_000, "half": 1,
                   "position_ms": number * 13_000, "label": "Shots on target", "confidence": 0.875, "source": "model"}
                  for match_id in ids for number in range(ACTIONS_EACH)],
        stage_times: [{"run_id": run_id, "stage": stage, "part": part, "wall_ms": 61_000, "done": True,
                       "stats": '{"fps": 240.5, "frames": 15000, "wall_s": 61.0}'}
                      for run_id, _ in run_ids for stage, part in parts],
        reels: [{"match_id": match_id, "name": name, "clips": 40, "frames": 12_000, "duration_ms": 480_000,
                 "sha256": "e" * 64, "size_bytes": 300 << 20} for match_id in ids for name in ("highlights", "keeper")],
    }
    with open_database(url).connect() as connection, connection.begin():
        for table, rows in content.items():
            connection.execute(table.insert(), rows)


def counts(url: str) -> dict[object, int]:
    with open_database(url).connect() as connection:
        return {table: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in SEASON}


def seconds_to(url: str, revision: str) -> float:
    started = time.monotonic()
    migrate(url, revision)
    return time.monotonic() - started


def test_a_season_goes_up_and_down_on_postgresql(new_database: Callable[[], str], capsys: pytest.CaptureFixture[str]
                                                 ) -> None:
    url = new_database()
    migrate(url, "0002")
    play_season(url)
    assert counts(url) == SEASON and SEASON[actions] == 200_000

    steps = {"0002 to head": seconds_to(url, "head")}
    assert (counts(url), current_revision(url)) == (SEASON, HEAD)
    steps["head to 0002"] = seconds_to(url, "0002")
    assert counts(url) == SEASON
    migrate(url)
    steps["head to 0001"] = seconds_to(url, "0001")
    steps["0001 to head"] = seconds_to(url, "head")
    assert counts(url) == {**dict.fromkeys(SEASON, 0), matches: MATCHES, recordings: MATCHES}
    steps["head to base"] = seconds_to(url, "base")
    with capsys.disabled():
        print(f"\nA season on PostgreSQL: {', '.join(f'{name} {took:.2f} s' for name, took in steps.items())}")
    assert max(took for name, took in steps.items() if name.endswith("head")) < UP_SEC
    assert max(took for name, took in steps.items() if not name.endswith("head")) < DOWN_SEC
