"""How sure are we of a spotting, given what the detector saw and the scan heard?"""

from __future__ import annotations

import math
import tomllib
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from touchline.domain import action
from touchline.domain.action import Spotting
from touchline.spotting.scoreboard import ScoreChange, ScoreSheet

TABLE = Path(__file__).with_name("fusion.toml")
_CERTAIN = 0.9999
_BEGINNINGS = ("spotter", "pattern")
"""Names of the evidence that is a probability; all other numbers are added to its log-odds."""


@dataclass(frozen=True)
class View:
    """What the detector saw at one moment: numbers of people, and whether the ball was there."""

    match_ms: int
    people: int
    goalkeepers: int


@dataclass(frozen=True)
class ScanSignals:
    """The scan's signals, one number 0…1 per `step_ms` of match time; empty lists where there is no sound."""

    step_ms: int
    surge: Sequence[float]
    whistle: Sequence[float]


@dataclass(frozen=True)
class ClipScores:
    """What the clip model said of the window around one moment: 0…1 per label; labels that it holds unlikely lack."""

    match_ms: int
    scores: Mapping[str, float]


@dataclass(frozen=True)
class Course:
    """How long the film is, when halves are known to begin, and where a match begins that the club wrote down.

    What lies before `begins_ms` is warm-up. At `breaks_ms` the camera was stopped, as at half-time. Nothing is known of
    a film of 0 ms.
    """

    duration_ms: int = 0
    kick_offs_ms: tuple[int, ...] = ()
    begins_ms: int = 0
    breaks_ms: tuple[int, ...] = ()

    def plays_on(self, match_ms: int, within_ms: int) -> bool:
        """Whether neither the film ends or stops nor another half begins within this time after a moment."""
        ends, stops = match_ms + within_ms, (*self.kick_offs_ms, *self.breaks_ms)
        return ends <= self.duration_ms and not any(match_ms < start <= ends for start in stops)

    def begins_half(self, match_ms: int, within_ms: int) -> bool:
        """Whether a half is known to begin this near to a moment, or the camera went on shortly before it."""
        return (any(abs(match_ms - start) <= within_ms for start in self.kick_offs_ms)
                or any(0 <= match_ms - at <= fusion_table()["restarts"]["break_ms"] for at in self.breaks_ms))


@dataclass(frozen=True)
class Weighed(Spotting):
    """A spotting with the evidence that gave it its confidence, and where it came from (as of an action)."""

    source: str = "model"
    evidence: action.Evidence = ()

    def moved(self, found: Mapping[str, float]) -> Weighed:
        """The same with further evidence (0…1 by name), weighed as its label's row of the table says."""
        weights = _weights(self.label)
        told = self
        for name, value in found.items():
            told = told.added(name, round(weights.get(name, 0.0) * value, 2))
        return told

    def added(self, name: str, move: float) -> Weighed:
        """The same with one more piece of evidence, as log-odds; 0 says nothing."""
        evidence = (*self.evidence, (name, move)) if move else self.evidence
        return replace(self, confidence=confidence_from(evidence), evidence=evidence)

    def because(self, name: str, reason: str) -> Weighed:
        """The same with a reason in words, which moves nothing."""
        return replace(self, evidence=(*self.evidence, (name, reason)))


@cache
def fusion_table() -> dict[str, Any]:
    """The data table `fusion.toml`."""
    return tomllib.loads(TABLE.read_text())


def alone_ms(label: str) -> int:
    """Distance in milliseconds within which a label can occur once."""
    return int(_weights(label)["alone_ms"])


class Evidence:
    """Answers what the picture and the sound say about a moment; all answers are 0…1."""

    def __init__(self, views: Sequence[View], signals: ScanSignals, sheet: ScoreSheet,
                 clips: Sequence[ClipScores] = (), course: Course | None = None) -> None:
        self.course = course or Course()
        self.is_heard = any(signals.surge)
        self._clips = sorted(clips, key=lambda one: one.match_ms)
        self._known_to_clips = {label for one in clips for label in one.scores}
        self._sheet = sheet
        self._views = sorted(views, key=lambda view: view.match_ms)
        self._times = [view.match_ms for view in self._views]
        self._signals = signals
        self._bounds = fusion_table()["evidence"]

    def at(self, match_ms: int) -> dict[str, float]:
        """Evidence by the names that the table's weights use."""
        bounds = self._bounds
        near = self._near(match_ms, bounds["view_ms"])
        return {
            "surge": self._peak(self._signals.surge, match_ms, bounds["surge_from_ms"], bounds["surge_to_ms"]),
            "whistle": self._peak(self._signals.whistle, match_ms, bounds["whistle_from_ms"], bounds["whistle_to_ms"]),
            "keeper": float(any(view.goalkeepers for view in near)),
            "few_players": float(bool(near) and median(view.people for view in near) < bounds["few_players"]),
            "score": float(self.shown_goal(match_ms) is not None),
            "score_stays": float(self._sheet.stays_after(match_ms, bounds["score_late_ms"], bounds["score_to_ms"])),
        }

    def shown_goal(self, match_ms: int) -> ScoreChange | None:
        """The goal that the graphic shows soon after a moment."""
        return self._sheet.goal_after(match_ms, self._bounds["score_late_ms"], self._bounds["score_to_ms"])

    def opinion(self, spotting: Spotting) -> float:
        """Log-odds of the clip model's best score for this label near this moment, within bounds.

        0 where no window is near, or where it never names the label: it does not know it, or there is no such model.
        """
        if spotting.label not in self._known_to_clips:
            return 0.0
        reach, most = self._bounds["opinion_ms"], self._bounds["opinion_most"]
        first = bisect_left(self._clips, spotting.match_ms - reach, key=lambda one: one.match_ms)
        end = bisect_right(self._clips, spotting.match_ms + reach, key=lambda one: one.match_ms)
        near = [one.scores.get(spotting.label, 0.0) for one in self._clips[first:end]]
        return min(max(_log_odds(max(near)), -most), most) if near else 0.0

    def _near(self, match_ms: int, reach_ms: int) -> Sequence[View]:
        first = bisect_left(self._times, match_ms - reach_ms)
        return self._views[first : bisect_right(self._times, match_ms + reach_ms)]

    def _peak(self, signal: Sequence[float], match_ms: int, from_ms: int, to_ms: int) -> float:
        step = self._signals.step_ms
        first = max(0, (match_ms + from_ms) // step)
        return max(signal[first : (match_ms + to_ms) // step + 1], default=0.0)


def begin(spotting: Spotting, source: str = "model") -> Weighed:
    """A spotting with no evidence but where it came from: the spotter, or a pattern of restarts."""
    share = round(spotting.confidence, 3)
    return Weighed(spotting.match_ms, spotting.label, share, spotting.away_share, source,
                   (("pattern" if source == "pattern" else "spotter", share),))


def weigh(spotting: Spotting, evidence: Evidence) -> Weighed:
    """Add the weighed evidence to the log-odds of a spotting."""
    opinion = round(fusion_table()["evidence"]["opinion_weight"] * evidence.opinion(spotting), 2)
    return begin(spotting).added("opinion", opinion).moved(evidence.at(spotting.match_ms))


def confidence_from(evidence: action.Evidence) -> float:
    """The confidence that this evidence adds up to, with three decimals."""
    odds = sum(_log_odds(value) if name in _BEGINNINGS else value
               for name, value in evidence if not isinstance(value, str))
    return round(1 / (1 + math.exp(-odds)), 3)


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, 1 - _CERTAIN), _CERTAIN)
    return math.log(bounded / (1 - bounded))


def _weights(label: str) -> Mapping[str, float]:
    labels = fusion_table()["labels"]
    return labels.get(label, labels["*"])
