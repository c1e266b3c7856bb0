"""What does the installed pipeline find in real clips, and in changed copies of them? They are too few for accuracy."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from touchline.domain.action import Spotting
from touchline.errors import UsageError
from touchline.video.command import run
from touchline_deploy.accuracy.runs import THRESHOLD, Run, run_film

TABLE = Path(__file__).with_name("real_clips.toml")
NEAR_MS = 2000
"""A spotting this near to what happens speaks of it; spottings nearer to each other than this are one peak."""
FIRST = 2
"""A shot should be among so many peaks of its clip."""
SHOT_LABELS = ("Shots on target", "Shots off target", "Save", "Goal")
CUT_MS = 1000
"""So long before a shot the clip ends that is cut before it."""
MOST_S = 600
MINUTE_MS = 60_000
EVEN = "scale=trunc(iw/2)*2:trunc(ih/2)*2"
ENCODED = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p", "-c:a", "aac")


@dataclass(frozen=True, slots=True)
class Clip:
    """A real clip, and when shots, goals among them and kick-offs are in it (ms)."""

    file: Path
    shots: tuple[int, ...]
    goals: tuple[int, ...]
    kick_offs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """How a clip is changed: filters of ffmpeg for its picture, how fast it plays, its sound, its rate."""

    name: str
    picture: str = ""
    speed: float = 1.0
    sound: str = "own"
    """"own", "none" or "another" clip's."""
    rate: tuple[str, ...] = ()


SLOW_RATE = ("-b:v", "2M", "-minrate", "2M", "-maxrate", "2M", "-bufsize", "2M")
CHANGES = (
    Change("mirror", "hflip"), Change("crop middle", "crop=iw*0.9:ih*0.9"),
    Change("crop left", "crop=iw*0.9:ih*0.9:0:0"), Change("crop right", "crop=iw*0.9:ih*0.9:iw*0.1:ih*0.1"),
    Change("speed 0.9", speed=0.9), Change("speed 0.95", speed=0.95), Change("speed 1.05", speed=1.05),
    Change("speed 1.1", speed=1.1), Change("2 Mbit/s", rate=SLOW_RATE), Change("mute", sound="none"),
    Change("another sound", sound="another"), Change("brighter", "eq=brightness=0.12"),
    Change("darker", "eq=brightness=-0.12"), Change("contrast", "eq=contrast=1.25"),
    Change("pale", "eq=saturation=0.6"), Change("blur", "gblur=sigma=1.5"), Change("noise", "noise=alls=12:allf=t"),
    Change("half size", "scale=iw/2:ih/2"), Change("mirror, mute, speed 1.1", "hflip", 1.1, "none"),
    Change("crop, darker, 2 Mbit/s", "crop=iw*0.9:ih*0.9,eq=brightness=-0.12", rate=SLOW_RATE))


def known_clips(folder: Path) -> list[Clip]:
    """The clips of the table that lie in `folder`.

    Raises:
        UsageError: none does.
    """
    rows = tomllib.loads(TABLE.read_text())["clips"]
    found = [Clip(folder / row["file"], *(tuple(round(1000 * at) for at in row.get(key, ()))
                                          for key in ("shots_s", "goals_s", "kick_offs_s")))
             for row in rows if (folder / row["file"]).is_file()]
    if not found:
        raise UsageError(f"{folder} holds none of the clips that {TABLE.name} names: {rows[0]['file']}, …")
    return found


def real_figures(clips: Sequence[Clip], kept: Path, commit: str, *, with_copies: bool) -> dict[str, Any]:
    """What is found of each clip's shots, goals and kick-offs, and what is told besides; copies only where asked.

    Copies and results are kept below `kept`; a run goes on where it was interrupted.

    Raises:
        TouchlineError: a step failed, or ffmpeg could not change a clip.
    """
    figures: dict[str, Any] = {}
    for clip in clips:
        whole = run_film(clip.file, kept / clip.file.stem / "whole", commit)
        told = figures[clip.file.stem] = _told(clip, whole)
        if with_copies and clip.shots:
            another = next(one.file for one in clips if one.file != clip.file)
            told["copies"] = dict(_copies(clip, another, kept / clip.file.stem, commit))
            told["without"] = dict(_without(clip, whole, kept / clip.file.stem, commit))
    return {"clips": figures, "shots that are none": _false_shots(clips, figures)}


def best_near(spottings: Sequence[Spotting], labels: Sequence[str], moment: float) -> Spotting | None:
    """The surest of these labels within NEAR_MS of the moment; None where there is none."""
    near = [one for one in spottings if one.label in labels and abs(one.match_ms - moment) <= NEAR_MS]
    return max(near, key=lambda one: one.confidence, default=None)


def best_of_each(spottings: Sequence[Spotting], labels: Sequence[str],
                 moments: Sequence[float]) -> list[Spotting | None]:
    """As `best_near`, of several moments: a spotting speaks of the one that it is nearest to."""
    nearest: dict[float, list[Spotting]] = {moment: [] for moment in moments}
    for one in spottings if moments else ():
        nearest[min(moments, key=lambda moment: abs(one.match_ms - moment))].append(one)
    return [best_near(nearest[moment], labels, moment) for moment in moments]


def rank_of(spotting: Spotting, spottings: Sequence[Spotting]) -> int:
    """1 for one than which no peak of its clip is surer, whatever the label; 2 where one is, and so on."""
    peaks: list[int] = []
    for one in sorted(spottings, key=lambda one: -one.confidence):
        if one.confidence <= spotting.confidence:
            break
        if all(abs(one.match_ms - other) > NEAR_MS for other in (*peaks, spotting.match_ms)):
            peaks.append(one.match_ms)
    return 1 + len(peaks)


def _told(clip: Clip, found: Run) -> dict[str, Any]:
    def at(moments: Sequence[int], labels: Sequence[str]) -> list[dict[str, Any] | None]:
        return [_row(one, found) for one in best_of_each(found.ranked, labels, moments)]

    sure = [one for one in found.ranked if one.confidence >= THRESHOLD and one.label in SHOT_LABELS
            and all(abs(one.match_ms - moment) > NEAR_MS for moment in clip.shots)]
    return {"minutes": round(found.length_ms / MINUTE_MS, 3), "shots": at(clip.shots, SHOT_LABELS),
            "goals": at(clip.goals, ("Goal",)), "kick_offs": at(clip.kick_offs, ("Kick-off",)),
            "no shots": [_row(one, found) for one in sure]}


def _row(spotting: Spotting | None, found: Run) -> dict[str, Any] | None:
    if spotting is None:
        return None
    return {"s": spotting.match_ms / 1000, "label": spotting.label, "confidence": round(spotting.confidence, 3),
            "rank": rank_of(spotting, found.ranked)}


def _copies(clip: Clip, another: Path, kept: Path, commit: str) -> Iterator[tuple[str, list[int | None]]]:
    """Of each changed copy the rank of each shot; None where no peak is near."""
    for number, change in enumerate(CHANGES):
        copy = made_copy(kept / f"copy-{number:02}.mp4", clip.file, change, another)
        found = run_film(copy, kept / copy.stem, commit)
        best = best_of_each(found.ranked, SHOT_LABELS, [moment / change.speed for moment in clip.shots])
        yield change.name, [None if one is None else rank_of(one, found.ranked) for one in best]


def _without(clip: Clip, whole: Run, kept: Path, commit: str) -> Iterator[tuple[str, list[float]]]:
    """How sure a shot is in the clip, in the one that ends before it, and in the one that plays backwards."""
    backwards = run_film(made_copy(kept / "backwards.mp4", clip.file, Change("backwards", "reverse", sound="none")),
                         kept / "backwards", commit)
    for moment in clip.shots:
        cut = kept / f"cut-{moment}.mp4"
        before = run_film(made_copy(cut, clip.file, Change("cut"), end_ms=moment - CUT_MS), kept / cut.stem, commit)
        best = (best_near(whole.ranked, SHOT_LABELS, moment), best_near(before.ranked, SHOT_LABELS, moment),
                best_near(backwards.ranked, SHOT_LABELS, backwards.length_ms - moment))
        yield f"{moment / 1000} s", [0.0 if one is None else round(one.confidence, 3) for one in best]


def made_copy(copy: Path, clip: Path, change: Change, another: Path | None = None, end_ms: int | None = None) -> Path:
    """The changed copy, which ends at `end_ms` where that is said; made once.

    Raises:
        CommandError: ffmpeg failed.
    """
    if copy.exists():
        return copy
    copy.parent.mkdir(parents=True, exist_ok=True)
    making = copy.with_suffix(".part.mp4")
    is_anothers = change.sound == "another" and another is not None
    picture = ",".join(filter(None, (change.picture, f"setpts=PTS/{change.speed},fps=source_fps", EVEN)))
    sound = ("-an",) if change.sound == "none" else ("-af", f"atempo={change.speed}", "-shortest")
    run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-i", str(clip),
         *(("-stream_loop", "-1", "-i", str(another)) if is_anothers else ()),
         "-map", "0:v:0", "-map", "1:a:0?" if is_anothers else "0:a:0?", "-vf", picture, *sound, *ENCODED, *change.rate,
         *(("-t", f"{end_ms / 1000}") if end_ms is not None else ()), str(making)], timeout_s=MOST_S)
    making.rename(copy)
    return copy


def _false_shots(clips: Sequence[Clip], figures: Mapping[str, Any]) -> dict[str, Any]:
    """Over the clips in which nobody shoots."""
    quiet = [figures[clip.file.stem] for clip in clips if not clip.shots]
    return {"clips": len(quiet), "minutes": round(sum(one["minutes"] for one in quiet), 2),
            "count": sum(len(one["no shots"]) for one in quiet)}
