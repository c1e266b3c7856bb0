"""The bench of the whole pipeline: which films, which figures, and that page and data agree."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

pytest.importorskip("SoccerNet", reason="SoccerNet's evaluator is in the worker's environment only")

from touchline.alone import alone
from touchline.domain.action import Spotting
from touchline.errors import TouchlineError, UsageError
from touchline.training.frozen_set import SECONDS, FrozenMatch
from touchline.video.probe import probe_recording
from touchline_deploy.accuracy import bench_spotting, command, films
from touchline_deploy.accuracy.bench_spotting import main, write_rows
from touchline_deploy.accuracy.command import run_touchline
from touchline_deploy.accuracy.films import Film, chosen_matches, painted_film, silent_copy
from touchline_deploy.accuracy.real import (
    CHANGES,
    SHOT_LABELS,
    best_near,
    best_of_each,
    known_clips,
    made_copy,
    rank_of,
)
from touchline_deploy.accuracy.rows import Source, rows_of, with_rows
from touchline_deploy.accuracy.runs import Run
from touchline_deploy.generated.accuracy import BEGIN, END, accuracy_text

FROZEN = (FrozenMatch("broadcast", 900_001), FrozenMatch("phone", 900_002), FrozenMatch("phone", 900_003))
MINUTE = 60_000
QUIET = {"step_ms": 500, "surge": [0.0], "whistle": [0.0], "motion": [0.5]}
HEARD, SILENT = {**QUIET, "loudness_db": [-30.0, -100.0]}, {**QUIET, "loudness_db": [-30.0, -100.0, -100.0]}


def film(kind, seed, truth):
    happened = tuple(Spotting(*one, 1.0) for one in truth)
    return Film(FrozenMatch(kind, seed), 1260, Path("match.mp4"), happened, "digest")


def run(scan, actions=(), candidates=(), ranked=(), cost=60.0):
    actions, candidates, ranked = (tuple(Spotting(*one) for one in found) for found in (actions, candidates, ranked))
    costs = {"scan": {"wall_s": 2 * cost, "cpu_s": cost, "memory_mib": 200.0}}
    return Run(21 * MINUTE, (*ranked, *actions, *candidates), actions, candidates, scan, costs, {"spotter": "abc"},
               ("1234567",))


CORNERS = [(number * MINUTE, "Corner") for number in range(10)]
ALL_CORNERS = [(ms, label, 0.9) for ms, label in CORNERS]


@cache
def rows():
    shown = [film("phone", 900_002, [*CORNERS, (700_000, "Goal")]), film("broadcast", 900_001, CORNERS[:9])]
    runs = [run(HEARD, [*ALL_CORNERS, (1_000_000, "Goal", 0.6)], [(700_000, "Goal", 0.4)]),
            run(SILENT, [], [], [(0, "Corner", 0.1)], cost=150.0)]
    return rows_of(shown, runs, Source("ours", 'make bench-spotting NAME="ours"'))


def test_matches_are_meant_by_kind_by_name_or_all():
    assert chosen_matches([], FROZEN) == list(FROZEN)
    assert chosen_matches(["phone", "phone-900003", "sideline-7"], FROZEN) == [*FROZEN[1:], FrozenMatch("sideline", 7)]
    for words in (["drone"], ["phone-x"], ["phone-"], ["sideline"]):
        with pytest.raises(UsageError):
            chosen_matches(words, FROZEN)
    with pytest.raises(UsageError, match="holds no such match"):
        chosen_matches([], ())


def test_the_pipeline_is_measured_beside_the_guesses():
    ours, uniform, cheap = rows()
    assert [row["name"] for row in (ours, uniform, cheap)] == ["ours", "uniform", "motion and sound"]
    assert (ours["films"], ours["commit"]) == (["phone-900002", "broadcast-900001"], "1234567")
    assert ours["set"] == uniform["set"]
    phone, everything = ours["figures"]["phone"], ours["figures"]["all"]
    assert (phone["tight"], everything["truth"]) == (1.0, {"Corner": 19, "Goal": 1})
    assert everything["tight"] < 0.6, "the other camera's corners were missed"
    assert ours["figures"]["broadcast"]["tight"] is None, "nine corners say nothing"
    assert "sideline" not in ours["figures"]
    assert uniform["figures"]["all"]["goals"]["recall"] == 1.0
    assert cheap["figures"]["all"]["goals"]["found"] == 0


def test_a_user_gets_the_actions_and_is_shown_the_candidates():
    phone = rows()[0]["figures"]["phone"]
    assert (phone["goals"]["found"], phone["goals"]["false"]) == (0, 1)
    assert phone["goals"]["false per 90 min"] == pytest.approx(90 / 21, abs=0.01)
    assert phone["calibration"]["spottings"] == 12


def test_goals_of_films_with_sound_stand_apart():
    assert {name: (one["films"], one["goals"]) for name, one in rows()[0]["goals"].items()} == {
        "with sound": (1, 1), "without sound": (1, 0)}


def test_costs_are_those_of_a_minute_of_match():
    assert rows()[0]["cost"] == {"scan": {"wall_s": 10.0, "cpu_s": 5.0, "memory_mib": 200.0}}


def test_another_run_of_a_name_takes_its_place_and_others_stay():
    kept = with_rows({}, rows())
    other = {**rows()[0], "name": "theirs", "date": "2020-01-01"}
    names = [row["name"] for row in with_rows(kept, [other, {**rows()[0], "set": "new"}])["simulated"]]
    assert names == ["uniform", "motion and sound", "theirs", "ours"]


def test_the_page_is_made_of_the_data_and_what_was_written_by_hand_stays(tmp_path):
    (tmp_path / "accuracy.md").write_text("# Accuracy\n\nBy hand.\n")
    write_rows(tmp_path, rows())
    once = (tmp_path / "accuracy.md").read_text()
    data = json.loads((tmp_path / "accuracy.json").read_text())
    assert data == json.loads(json.dumps(with_rows({}, rows())))
    assert once.startswith("# Accuracy\n\nBy hand.\n\n" + BEGIN)
    assert "| ours | phone | 1 | 21 | 1.000 | 1.000 | 0 of 1 | 4.29 (≤ 20.33) |" in once
    assert "| ours | 0 of 1, false per 90 min 4.29 (≤ 20.33), films: 1 | 0 of 0, " in once
    assert "| Corner | 19: " in once and "| scan | 5.00 (10.00), 200 |" in once
    (tmp_path / "accuracy.md").write_text(once + "\n## Real\n")
    write_rows(tmp_path, rows())
    assert (tmp_path / "accuracy.md").read_text() == once + "\n## Real\n"


def test_a_page_without_figures_says_so():
    page = accuracy_text("# Accuracy\n", {})
    assert "Not measured yet." in page and page.endswith(END + "\n")


def test_damaged_data_is_not_written_over(tmp_path):
    (tmp_path / "accuracy.json").write_text("{")
    with pytest.raises(TouchlineError, match="is not JSON"):
        write_rows(tmp_path, rows())
    assert (tmp_path / "accuracy.json").read_text() == "{"


def test_a_film_is_painted_once_with_its_truth_and_without_a_sidecar(tmp_path, monkeypatch):
    monkeypatch.setattr(films, "SIZE", "160x96")
    (tmp_path / "sideline-5-8s.part").mkdir()
    painted = painted_film(FrozenMatch("sideline", 5), 8, tmp_path)
    assert painted.truth[0].label == "Kick-off"
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["sideline-5-8s"]
    assert not (painted.recording.parent / "match.toml").exists()
    before = painted.recording.stat()
    assert painted_film(FrozenMatch("sideline", 5), 8, tmp_path) == painted
    assert painted.recording.stat() == before
    assert probe_recording(painted.recording, "").audio is not None
    assert probe_recording(silent_copy(painted.recording), "").audio is None


def test_a_frozen_film_that_shows_something_else_is_refused(tmp_path, monkeypatch):
    match = FrozenMatch("phone", 900_002)
    monkeypatch.setattr(films, "FROZEN", (match,))
    monkeypatch.setattr(films, "TABLE", tmp_path / "frozen_set.json")
    films.TABLE.write_text(json.dumps([{"kind": "phone", "seed": 900_002, "truth": "another"}]))
    place = tmp_path / f"phone-900002-{SECONDS}s"
    place.mkdir()
    (place / "frozen.json").write_text(json.dumps({"truth": [[0, "Kick-off", 0, 1]]}))
    with pytest.raises(TouchlineError, match="the play has changed"):
        painted_film(match, SECONDS, tmp_path)


def test_a_command_that_fails_is_one_line_that_names_its_log(tmp_path):
    log = tmp_path / "log.txt"
    with pytest.raises(TouchlineError, match=f"touchline scan ended with exit code 2: read {log}"):
        run_touchline(["scan", "no-match"], {"WORKING_DIR": str(tmp_path)}, log)
    assert "no-match" in log.read_text()


def test_time_and_memory_of_a_command_are_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "TOUCHLINE", (sys.executable, "-c", "x = bytearray(150 << 20); print('one\\ntwo')"))
    done = run_touchline([], {}, tmp_path / "log.txt")
    assert done.last_line == "two"
    assert done.memory_mib > 150
    assert 0 < done.cpu_s <= done.wall_s + 0.1


def test_what_is_wrong_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench_spotting, "BENCH", tmp_path)
    assert main(["--matches", "drone"]) == 2
    assert main(["--matches", "phone-1"]) == 2
    (tmp_path / "ours-1260s").mkdir()
    with alone(tmp_path / "ours-1260s" / "bench.lock"):
        assert main(["--matches", "phone-1", "--name", "ours"]) == 1
    told = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[0] for line in told] == ["bench-spotting"] * 3
    assert "NAME" in told[1] and "another bench-spotting" in told[2]


def test_a_command_says_how_its_row_is_made_again(monkeypatch):
    monkeypatch.setenv("YOLO_MODEL_PATH", "/somewhere/of/ours/detector.pt")
    parsed = bench_spotting._parser().parse_args(["--name", "small detector", "--matches", "phone", "--silent"])
    assert bench_spotting.command_of(parsed) == ("YOLO_MODEL_PATH=detector.pt make bench-spotting "
                                                 "NAME='small detector' MATCHES=phone BENCH=--silent")


def test_a_peak_of_a_real_clip_has_its_rank_among_all_and_neighbours_count_once():
    found = [Spotting(*one) for one in [(1000, "Foul", 0.9), (1500, "Direct free-kick", 0.8), (9000, "Corner", 0.7),
                                        (20_000, "Goal", 0.2), (21_000, "Save", 0.3), (30_000, "Goal", 0.3)]]
    shot = best_near(found, SHOT_LABELS, 20_400)
    assert (shot.label, shot.match_ms) == ("Save", 21_000)
    assert rank_of(shot, found) == 3
    assert rank_of(found[0], found) == 1
    assert best_near(found, ("Kick-off",), 20_000) is None
    assert best_of_each(found, SHOT_LABELS, [20_000, 21_500]) == [found[3], found[4]]


def test_clips_are_those_of_the_table_that_are_there(tmp_path):
    with pytest.raises(UsageError, match="holds none of the clips"):
        known_clips(tmp_path)
    (tmp_path / "gustavo_liga_gol4.mp4").touch()
    [clip] = known_clips(tmp_path)
    assert (clip.shots, clip.goals, clip.kick_offs) == ((4900,), (5800,), ())


def test_twenty_changes_make_films_of_the_right_length(tmp_path):
    clip, another = tmp_path / "a.mp4", tmp_path / "b.mp4"
    for path, seconds in ((clip, 2), (another, 1)):
        subprocess.run(["ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", f"testsrc2=s=162x90:r=10:d={seconds}",
                        "-f", "lavfi", "-i", "sine=f=440", "-t", str(seconds), path], check=True)
    assert len(CHANGES) == len({change.name for change in CHANGES}) == 20
    for change in (CHANGES[3], CHANGES[7], CHANGES[9], CHANGES[10], CHANGES[19]):
        copy = made_copy(tmp_path / "copies" / "copy.mp4", clip, change, another)
        found = probe_recording(copy, "")
        assert found.duration_ms == pytest.approx(2000 / change.speed, abs=150)
        assert bool(found.audio) == (change.sound != "none")
        copy.unlink()
