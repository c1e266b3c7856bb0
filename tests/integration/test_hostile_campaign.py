"""Spoiled recordings and hostile sidecars by the thousand: a verdict in one line each, and nothing else happens.

`CAMPAIGN_FILES`, `CAMPAIGN_SIDECARS` and `CAMPAIGN_SEED` set how many and which; the figures are printed at the end.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from pathlib import Path

import pytest

from integration.campaign import CaseFolders, listing, with_folders
from integration.hostile_sidecars import Note, hostile_notes
from integration.mutations import Spoiled, make_films, spoil

SEED = int(os.environ.get("CAMPAIGN_SEED", "14"))
FILES, SIDECARS = int(os.environ.get("CAMPAIGN_FILES", "2000")), int(os.environ.get("CAMPAIGN_SIDECARS", "500"))
WHOLE_EVERY = 10
"""One spoiled recording of so many goes all the way to a match folder, where it is good enough."""


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> dict[str, bytes]:
    return make_films(tmp_path_factory.mktemp("films"))


@pytest.mark.verify
@pytest.mark.parametrize("quarter", range(4), ids=lambda quarter: f"quarter-{quarter + 1}")
def test_spoiled_recordings_get_a_verdict_in_one_line(films, tmp_path, capsys, quarter):
    first, end = quarter * FILES // 4, (quarter + 1) * FILES // 4
    cases = islice(spoil(films, SEED, FILES), first, end)
    _tell("spoiled recordings", _work(_spoiled, cases, tmp_path, first), capsys)


@pytest.mark.verify
def test_hostile_sidecars_get_a_verdict_in_one_line(films, tmp_path, capsys):
    _tell("hostile sidecars", _work(partial(_noted, films), hostile_notes(SEED, SIDECARS), tmp_path), capsys)


def test_a_few_spoiled_recordings_every_time(films, tmp_path, capsys):
    _tell("a few spoiled recordings", _work(_spoiled, spoil(films, SEED + 1, 12), tmp_path, first=1), capsys)


def test_a_few_hostile_sidecars_every_time(films, tmp_path, capsys):
    _tell("a few hostile sidecars", _work(partial(_noted, films), hostile_notes(SEED + 1, 27), tmp_path), capsys)


def _work(judge: Callable[..., None], cases: Iterable[Spoiled | Note], folder: Path,
          first: int = 0) -> list[CaseFolders]:
    """Every case in folders of its own, as many at once as there are cores."""
    with multiprocessing.get_context("fork").Pool() as pool:
        return pool.starmap(partial(_one, judge, folder), enumerate(cases, start=first), chunksize=1)


def _one(judge: Callable[..., None], folder: Path, number: int, case: Spoiled | Note) -> CaseFolders:
    return with_folders(folder, f"{number:05d}", lambda folders: judge(folders, number, case))


def _spoiled(folders: CaseFolders, number: int, spoiled: Spoiled) -> None:
    recording = folders.mount / f"match.{spoiled.suffix}"
    recording.write_bytes(spoiled.content)
    (folders.mount / "match.marks.csv").write_text("0:01,Foul\n")
    before = listing(folders.root)
    folders.touchline("check-recording", str(recording))
    registered = folders.touchline("register", str(recording))
    match_id = registered.stdout.strip() if registered.exit_code == 0 else ""
    if match_id:
        for step in ("probe", "scan", "plan-chunks"):
            if folders.touchline(step, match_id).exit_code:
                break
        else:
            if number % WHOLE_EVERY == 0:
                _process(folders, recording)
    folders.judge(before, match_id)
    folders.faults[:] = [f"file {number} ({spoiled.suffix}, {spoiled.how}): {fault}" for fault in folders.faults]


def _process(folders: CaseFolders, recording: Path) -> None:
    folders.touchline("process", str(recording), "--output", str(folders.root / "out"))


def _noted(films: dict[str, bytes], folders: CaseFolders, number: int, note: Note) -> None:
    recording = folders.mount / "match.mp4"
    recording.write_bytes(films["mp4"])
    note.put(folders.mount / (note.kind if number % 2 else f"match.{note.kind}"))
    before = listing(folders.root)
    match_id = folders.touchline("register", str(recording)).stdout.strip()
    folders.touchline("probe", match_id)
    folders.judge(before, match_id)
    folders.faults[:] = [f"sidecar {number} ({note.kind}, {note.how}): {fault}" for fault in folders.faults]


def _tell(what: str, seen: list[CaseFolders], capsys) -> None:
    ended = [one for folders in seen for one in folders.ended]
    codes = Counter(f"{one.command.split()[0]} → {one.exit_code}" for one in ended)
    seconds, memory = [one.seconds for one in ended], [one.peak_mib for one in ended]
    faults = [fault for folders in seen for fault in folders.faults]
    with capsys.disabled():
        print(f"\n{what}, seed {SEED}: {len(seen)} cases, {len(ended)} commands, {len(faults)} faults; "
              f"median {statistics.median(seconds):.2f} s, longest {max(seconds):.1f} s, most memory {max(memory)} MiB")
        print("  " + ", ".join(f"{code}: {count}" for code, count in sorted(codes.items())))
    assert not faults, "\n".join(faults[:40])
