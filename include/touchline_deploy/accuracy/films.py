"""The frozen matches as films: painted once and kept, with what is true in them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from touchline.alone import alone
from touchline.domain.action import Spotting
from touchline.errors import TouchlineError, UsageError
from touchline.results.files import write_json
from touchline.results.result import digest_of
from touchline.simulator.camera import CAMERAS
from touchline.simulator.film import score_match
from touchline.training.frozen_set import FROZEN, SECONDS, TABLE, FrozenMatch, truth_of
from touchline.video.command import run
from touchline_deploy.accuracy.command import run_touchline

SIZE = "1280x720"
TRUTH = "frozen.json"
MOST_S = 600


@dataclass(frozen=True, slots=True)
class Film:
    """A painted match of this length, the file of its film, and its actions (confidence 1)."""

    match: FrozenMatch
    seconds: int
    recording: Path
    truth: tuple[Spotting, ...]
    digest: str

    @property
    def name(self) -> str:
        """`sideline-900105`."""
        return name_of(self.match)


def chosen_matches(words: Sequence[str], frozen: Sequence[FrozenMatch] = FROZEN) -> list[FrozenMatch]:
    """The matches that are meant: by kind of camera, by name (`sideline-900105`), all where nothing is said.

    Raises:
        UsageError: a word is neither, or nothing is meant.
    """
    found: list[FrozenMatch] = []
    for word in words:
        kind, dash, seed = word.partition("-")
        if kind not in CAMERAS or (dash and not seed.isdecimal()):
            raise UsageError(f"{word!r} is not a match: use {', '.join(CAMERAS)}, or one with a seed, {CAMERAS[0]}-1")
        found += [FrozenMatch(kind, int(seed))] if seed else [match for match in frozen if match.kind == kind]
    found = list(dict.fromkeys(found)) if words else list(frozen)
    if not found:
        raise UsageError(f"the frozen set holds no such match: name one with its seed, {CAMERAS[0]}-1")
    return found


def name_of(match: FrozenMatch) -> str:
    """`sideline-900105`."""
    return f"{match.kind}-{match.seed}"


def painted_film(match: FrozenMatch, seconds: int, folder: Path) -> Film:
    """The film of a match below `folder`; it is painted where it is not there yet, which takes a while.

    Several processes may paint several films at once; who wants one that another paints waits for it. No sidecar stays
    beside it: the pipeline is told nothing.

    Raises:
        TouchlineError: its truth is not that of the frozen set, or painting failed.
    """
    place = folder / f"{name_of(match)}-{seconds}s"
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder / f"{place.name}.lock"):
        if not (place / TRUTH).exists():
            _paint(match, seconds, place)
    kept = json.loads((place / TRUTH).read_text())
    _refuse_other_truth(match, seconds, kept["truth"])
    truth = tuple(Spotting(ms, label, 1.0) for ms, label, _, _ in kept["truth"])
    return Film(match, seconds, place / "match.mp4", truth, digest_of(kept["truth"]))


def silent_copy(film: Path) -> Path:
    """The same pictures without sound, beside the film; made once.

    Raises:
        CommandError: ffmpeg failed.
    """
    silent = film.with_name("silent.mp4")
    if not silent.exists():
        making = silent.with_name("silent.part.mp4")
        run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-i", str(film), "-an", "-c", "copy", str(making)],
            timeout_s=MOST_S)
        making.rename(silent)
    return silent


def _paint(match: FrozenMatch, seconds: int, place: Path) -> None:
    truth = truth_of(score_match(seconds, match.seed))
    _refuse_other_truth(match, seconds, truth)
    making = place.with_name(f"{place.name}.part")
    for folder in (place, making):
        shutil.rmtree(folder, ignore_errors=True)
    making.mkdir(parents=True)
    done = run_touchline(["simulate", "--seconds", str(seconds), "--seed", str(match.seed), "--camera", match.kind,
                          "--size", SIZE, "--output", making], {}, making / "log.txt")
    (making / "match.toml").unlink()
    write_json(making / TRUTH, {"kind": match.kind, "seed": match.seed, "seconds": seconds, "truth": truth,
                                "painting": {"wall_s": done.wall_s, "cpu_s": done.cpu_s,
                                             "memory_mib": done.memory_mib}})
    making.rename(place)


def _refuse_other_truth(match: FrozenMatch, seconds: int, truth: list[list[object]]) -> None:
    """A film of the frozen set must show what the table says; trials of another length or seed are in no table."""
    if seconds != SECONDS or match not in FROZEN:
        return
    table = {(row["kind"], row["seed"]): row["truth"] for row in json.loads(TABLE.read_text())}
    if table.get((match.kind, match.seed)) != digest_of(truth):
        raise TouchlineError(f"{name_of(match)} does not show what {TABLE.name} says: the play has changed. Remove its "
                             "film if it is an old one, else say the change in docs/accuracy.md and measure all again")
