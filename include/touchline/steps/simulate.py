"""Write a match that never happened, with its ground truth.

Beside the film lie SoccerNet labels, the truth of every frame that the models learn from, and the sidecar that
touchline reads beside any recording.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from touchline.errors import UsageError
from touchline.results.files import replacing, write_text
from touchline.simulator.ambience import ambience_for
from touchline.simulator.camera import CAMERAS
from touchline.simulator.film import Score, film_match, score_match
from touchline.simulator.look import Look, look_for
from touchline.simulator.sound import write_sound
from touchline.simulator.state import Event
from touchline.simulator.world import FPS, TEAM_NAMES
from touchline.video.encode import VideoWriter

BOX_STRIDE = 5
SHORTEST_S = 8
MATCH_DATE = "2026-01-31"


@dataclass(frozen=True)
class SimulatedMatch:
    """The files of a simulated match and what happens in it."""

    film: Path
    labels: Path
    truth: Path
    sidecar: Path
    frames: int
    actions: tuple[Event, ...]


def simulate(seconds: int, seed: int, camera: str, width: int, height: int, output: Path) -> SimulatedMatch:
    """Play, film and write `match.mp4`, `Labels-v2.json`, `truth.json` and `match.toml` into `output`.

    The same arguments give the same truth, and on the same machine the same frames. Memory does not grow with
    `seconds`, but for about 100 bytes a frame.

    Raises:
        UsageError: unknown camera, odd or tiny size, or less than eight seconds.
        CommandError: ffmpeg failed.
    """
    _check(seconds, camera, width, height)
    output.mkdir(parents=True, exist_ok=True)
    match = SimulatedMatch(
        film=output / "match.mp4",
        labels=output / "Labels-v2.json",
        truth=output / "truth.json",
        sidecar=output / "match.toml",
        frames=seconds * FPS,
        actions=(score := score_match(seconds, seed)).events,
    )
    with replacing(match.truth) as truth:
        header = {"seed": seed, "camera": camera, "width": width, "height": height, "fps": FPS, "frames": match.frames}
        visible = _film(match, score, (seconds, seed, camera, width, height), _Truth(truth, header))
    write_text(match.labels, json.dumps(soccernet_labels(score, visible), indent=1))
    write_text(match.sidecar, sidecar_toml(seed, look_for(seed), score))
    return match


def _check(seconds: int, camera: str, width: int, height: int) -> None:
    if camera not in CAMERAS:
        raise UsageError(f"camera {camera!r} is not known: choose one of {', '.join(CAMERAS)}")
    if width % 2 or height % 2 or min(width, height) < 96:
        raise UsageError(f"size {width}x{height} cannot be encoded: choose even numbers from 96 on")
    if seconds < SHORTEST_S:
        raise UsageError(f"{seconds} s is too short for a match: ask for at least {SHORTEST_S}")


class _Truth:
    """Writes truth.json while the match is filmed, so that boxes need not be kept."""

    def __init__(self, file: BinaryIO, header: dict[str, Any]) -> None:
        self._write = codecs.getwriter("utf-8")(file).write
        self._separator = ""
        self._ball: list[str] = []
        self._write(json.dumps(header, separators=(",", ":"))[:-1])
        self._write(f',"box_stride":{BOX_STRIDE},"boxes":{{')

    def boxes(self, frame: int, boxes: Iterable[Any]) -> None:
        self._write(f'{self._separator}"{frame}":{json.dumps(list(boxes), separators=(",", ":"))}')
        self._separator = ","

    def ball(self, frame: int, x: float, y: float) -> None:
        self._ball.append(f"[{frame},{x:.1f},{y:.1f}]")

    def finish(self, rest: dict[str, Any]) -> None:
        self._write(f'}},"ball":[{",".join(self._ball)}],')
        self._write(json.dumps(rest, separators=(",", ":"))[1:])
        self._write("\n")


def _film(match: SimulatedMatch, score: Score, shape: tuple[int, int, str, int, int], truth: _Truth) -> set[int]:
    """Film the match and write the truth; returns the frames with an event in which the ball can be seen."""
    seconds, seed, camera, width, height = shape
    eventful = {event.frame for event in score.events}
    visible: set[int] = set()
    cuts: list[int] = []
    sound, film = match.film.with_name(".match.part.wav"), match.film.with_name(".match.part.mp4")
    try:
        write_sound(sound, seed, score.noises, score.tension, ambience_for(camera, seed, seconds))
        with VideoWriter(film, width, height, fps=FPS, audio=sound) as writer:
            for frame, (picture, seen, crew) in enumerate(film_match(seconds, seed, camera, width, height)):
                writer.write(picture)
                cuts = crew.cuts
                if frame % BOX_STRIDE == 0:
                    truth.boxes(frame, seen.boxes)
                if seen.ball is not None:
                    truth.ball(frame, *seen.ball)
                    visible |= {frame} & eventful if crew.view != "replay" else set()
        film.replace(match.film)
    finally:
        film.unlink(missing_ok=True)
        sound.unlink(missing_ok=True)
    truth.finish(_timeline(score, match.frames, cuts))
    return visible


def _timeline(score: Score, frames: int, cuts: list[int]) -> dict[str, Any]:
    return {
        "duration_ms": _ms(frames),
        "halves": [
            {"half": number, "start_ms": _ms(start), "end_ms": _ms(end)}
            for number, (start, end) in enumerate(score.halves, 1)
        ],
        "cuts_ms": [_ms(frame) for frame in cuts],
        "actions": [
            {
                "recording_ms": _ms(event.frame),
                "half": event.half,
                "position_ms": _position_ms(score, event),
                "label": event.label,
                "team": TEAM_NAMES[event.team],
            }
            for event in score.events
        ],
    }


def soccernet_labels(score: Score, visible: set[int]) -> dict[str, Any]:
    """The events as SoccerNet's Labels-v2.json; `visible` holds the frames in which the ball can be seen."""
    return {
        "UrlLocal": "",
        "annotations": [
            {
                "gameTime": _game_time(event.half, _position_ms(score, event)),
                "label": event.label,
                "position": str(_position_ms(score, event)),
                "team": TEAM_NAMES[event.team],
                "visibility": "visible" if event.frame in visible else "not shown",
            }
            for event in score.events
        ],
    }


def sidecar_toml(seed: int, look: Look, score: Score) -> str:
    """The sidecar that touchline reads beside a recording."""
    kick_offs = ", ".join(f'"{_clock(_ms(start))}"' for start, _ in score.halves)
    return (
        f'title = "Simulated match, seed {seed}"\n'
        f'home = "{look.names[0]}"\n'
        f'away = "{look.names[1]}"\n'
        f"date = {MATCH_DATE}\n"
        f'our_keeper = "{look.keepers[0]}"\n'
        f"kick_offs = [{kick_offs}]\n"
        "\n[kits]\n"
        f'home = "{look.kits[0]}"\n'
        f'away = "{look.kits[1]}"\n'
        f'home_keeper = "{look.keepers[0]}"\n'
        f'away_keeper = "{look.keepers[1]}"\n'
    )


def _ms(frame: int) -> int:
    return frame * 1000 // FPS


def _position_ms(score: Score, event: Event) -> int:
    return _ms(event.frame - score.halves[event.half - 1][0])


def _game_time(half: int, position_ms: int) -> str:
    seconds = position_ms // 1000
    return f"{half} - {seconds // 60:02d}:{seconds % 60:02d}"


def _clock(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
