"""What does the spotter read from sights and sound? Numbers per person and per step that all kinds of camera share.

Places are counted from the picture's middle, distances and speeds in heights of a person, and speeds are those beside
the camera's own. What is not known is 0, and where that is not clear from the rest a number says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from touchline.inference.sight_columns import MOST_PEOPLE, PERSON, STEP
from touchline.seeing.sight import SHIRTS, STEP_MS, Sight

Numbers = NDArray[np.float32]
Flags = NDArray[np.bool_]
Columns = dict[str, NDArray[Any]]

ASPECT = 16 / 9
"""Width by height of a picture. Sights are in fractions; on another shape all numbers across shrink or grow alike."""
STEP_S = STEP_MS / 1000
FASTEST = 8.0
"""Heights a second: whoever seems to have moved faster is another person."""
FADES_S = (2.0, 10.0, 60.0)
"""How long the camera remembers where it looked, three times."""
LEAST_HEIGHT = 0.004
PIECE = 2000
"""Steps."""


@dataclass(frozen=True, slots=True)
class SoundSteps:
    """The scan's signals of sound, per `step_ms`: loudness in dBFS, surge and whistle 0…1."""

    step_ms: int
    loudness_db: Sequence[float] | NDArray[np.float64]
    surge: Sequence[float] | NDArray[np.float64]
    whistle: Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SightFeatures:
    """`people` [T, P, len(PERSON)], `present` [T, P] (who is there), `steps` [T, len(STEP)]; P is MOST_PEOPLE."""

    people: NDArray[np.float16]
    present: Flags
    steps: Numbers


@dataclass(slots=True)
class _Stacked:
    """Sights as arrays: boxes [T, P, 4], shirts [T, P], present [T, P], ball [T, 2], camera [T, 3]; NaN is unknown."""

    boxes: Numbers
    shirts: NDArray[np.int8]
    present: Flags
    ball: Numbers
    camera: Numbers
    cuts: Numbers
    grass: Numbers
    height: Numbers = field(init=False)
    """[T, P]."""
    usual: Numbers = field(init=False)
    """[T]: the median height of those who are there; 0.1 where nobody is."""
    place: Numbers = field(init=False)
    """[T, P, 2]: the feet, in heights of the picture."""

    def __post_init__(self) -> None:
        self.height = np.maximum(self.boxes[..., 3] - self.boxes[..., 1], LEAST_HEIGHT)
        counted = np.sort(np.where(self.present, self.height, np.inf), axis=1)
        count = self.present.sum(axis=1)
        middle = counted[np.arange(len(count)), np.maximum(count - 1, 0) // 2]
        self.usual = np.where(count > 0, middle, 0.1).astype(np.float32)
        across = (self.boxes[..., 0] + self.boxes[..., 2]) / 2 * ASPECT
        self.place = np.stack([across, self.boxes[..., 3]], axis=-1)


def sight_features(sights: Sequence[Sight], sound: SoundSteps | None) -> SightFeatures:
    """The features of consecutive steps; `sound` begins with the first of them."""
    stacked = _stacked(sights)
    shift = np.nan_to_num(stacked.camera[:, :2]) * np.array([ASPECT, 1.0], np.float32)
    moved, is_known = _people_moved(stacked, shift)
    people = _people(stacked, moved, is_known)
    columns: Columns = {**_ball(stacked, shift), **_camera(stacked), **_crowd(stacked, moved, is_known),
               **_heard(sound, len(sights))}
    steps = np.stack([columns[one.name] for one in STEP], axis=1).astype(np.float32)
    return SightFeatures(people.astype(np.float16), stacked.present, np.clip(steps, -5, 5))


def _stacked(sights: Sequence[Sight]) -> _Stacked:
    """Of more than MOST_PEOPLE boxes the largest are kept."""
    count = len(sights)
    boxes, shirts = np.zeros((count, MOST_PEOPLE, 4), np.float32), np.full((count, MOST_PEOPLE), -1, np.int8)
    present = np.zeros((count, MOST_PEOPLE), bool)
    for step, sight in enumerate(sights):
        order = np.argsort(sight.people[:, 1] - sight.people[:, 3], kind="stable")[:MOST_PEOPLE]
        boxes[step, : len(order)], shirts[step, : len(order)] = sight.people[order], sight.shirts[order]
        present[step, : len(order)] = True
    nothing = (np.nan,) * 3
    return _Stacked(boxes, shirts, present,
                    np.array([one.ball or nothing[:2] for one in sights], np.float32).reshape(-1, 2),
                    np.array([one.camera or nothing for one in sights], np.float32).reshape(-1, 3),
                    np.array([one.is_cut for one in sights], np.float32),
                    np.array([one.grass for one in sights], np.float32))


def _people_moved(stacked: _Stacked, shift: Numbers) -> tuple[Numbers, Flags]:
    """Speeds [T, P, 2] in own heights a second, and whether somebody stood near enough there a step before.

    Everybody is compared with everybody of the step before: in pieces, for the sake of memory.
    """
    moved, is_known = np.zeros_like(stacked.place), np.zeros(stacked.place.shape[:2], bool)
    for first in range(1, len(moved), PIECE):
        now, before = slice(first, first + PIECE), slice(first - 1, min(first + PIECE, len(moved)) - 1)
        moved[now], is_known[now] = _moved_since(stacked, shift, now, before)
    return moved, is_known


def _moved_since(stacked: _Stacked, shift: Numbers, now: slice, before: slice) -> tuple[Numbers, Flags]:
    place, height = stacked.place[now], stacked.height[now]
    away = place[:, :, None] - (stacked.place[before] + shift[now, None])[:, None]
    distance = np.hypot(away[..., 0], away[..., 1]) + np.where(stacked.present[before][:, None], 0.0, np.inf)
    nearest = distance.argmin(axis=2)
    least = np.take_along_axis(distance, nearest[..., None], axis=2)[..., 0]
    speed = np.take_along_axis(away, nearest[..., None, None], axis=2)[:, :, 0] / height[..., None] / STEP_S
    is_known = stacked.present[now] & (least < FASTEST * STEP_S * height) & (stacked.cuts[now, None] == 0)
    return np.where(is_known[..., None], speed, 0.0), is_known


def _people(stacked: _Stacked, moved: Numbers, is_known: Flags) -> Numbers:
    boxes, height, usual = stacked.boxes, stacked.height, stacked.usual[:, None]
    to_ball = (np.nan_to_num(_ball_place(stacked)[:, None] - stacked.place, nan=0.0)) / usual[..., None]
    is_seen = ~np.isnan(stacked.ball[:, :1]) & np.ones_like(is_known)
    columns: Columns = {
        "x": boxes[..., 0] + boxes[..., 2] - 1, "y": 2 * boxes[..., 3] - 1,
        "size": np.log2(height / 0.1) / 2, "size here": np.log2(height / usual),
        "width": (boxes[..., 2] - boxes[..., 0]) * ASPECT / height - 0.4,
        "moved x": moved[..., 0] / 3, "moved y": moved[..., 1] / 3, "moved known": is_known,
        **{shirt: stacked.shirts == index for index, shirt in enumerate(SHIRTS)},
        "ball x": np.clip(to_ball[..., 0] / 4, -2, 2), "ball y": np.clip(to_ball[..., 1] / 4, -2, 2),
        "ball near": np.exp(-np.hypot(to_ball[..., 0], to_ball[..., 1])) * is_seen,
    }
    people = np.stack([columns[one.name] for one in PERSON], axis=-1).astype(np.float32)
    return np.asarray(np.clip(people, -4, 4) * stacked.present[..., None], np.float32)


def _ball_place(stacked: _Stacked) -> Numbers:
    return np.asarray(stacked.ball * np.array([ASPECT, 1.0], np.float32))


def _ball(stacked: _Stacked, shift: Numbers) -> Columns:
    place, usual = _ball_place(stacked), stacked.usual
    is_seen = ~np.isnan(place[:, 0])
    speed = np.zeros_like(place)
    if len(place) > 1:
        speed[1:] = (place[1:] - place[:-1] - shift[1:]) / usual[1:, None] / STEP_S
    is_known = ~np.isnan(speed[:, 0]) & is_seen & (stacked.cuts == 0)
    speed = np.where(is_known[:, None], speed, 0.0)
    away = np.linalg.norm(np.nan_to_num(place)[:, None] - stacked.place, axis=-1) / usual[:, None]
    nearest = np.where(stacked.present, away, np.inf).min(axis=1, initial=np.inf)
    feet = (stacked.boxes[..., 3] * stacked.present).sum(axis=1) / np.maximum(stacked.present.sum(axis=1), 1)
    return {
        "ball x": np.nan_to_num(2 * stacked.ball[:, 0] - 1), "ball y": np.nan_to_num(2 * stacked.ball[:, 1] - 1),
        "ball seen": is_seen, "ball lately": np.exp(-_steps_since(is_seen) * STEP_S),
        "ball moved x": np.clip(speed[:, 0] / 10, -3, 3), "ball moved y": np.clip(speed[:, 1] / 10, -3, 3),
        "ball moved": np.clip(np.hypot(speed[:, 0], speed[:, 1]) / 10, 0, 3), "ball moved known": is_known,
        "ball high": np.clip(np.nan_to_num(feet - stacked.ball[:, 1]) / usual / 4, -2, 2),
        "ball alone": np.where(is_seen, 1 - np.exp(-nearest / 2), 0.0),
    }


def _camera(stacked: _Stacked) -> Columns:
    is_known = ~np.isnan(stacked.camera[:, 0])
    pan, tilt, zoom = np.nan_to_num(stacked.camera).T
    looked = _leaky(np.stack([pan, pan, pan, zoom], axis=1), (*FADES_S, FADES_S[1]), stacked.cuts)
    return {
        "camera known": is_known, "pan": np.clip(pan * 20, -4, 4), "tilt": np.clip(tilt * 20, -4, 4),
        "zoom": np.clip(zoom * 10, -4, 4),
        **{f"panned {fade:.0f} s": looked[:, at] for at, fade in enumerate(FADES_S)}, "zoomed": looked[:, 3] * 2,
        "cut": stacked.cuts, "cut lately": np.exp(-_steps_since(stacked.cuts > 0) * STEP_S / 2),
        "grass": 2 * stacked.grass - 1,
        "grass before": 2 * _smooth(stacked.grass, 4.0) - 1,
    }


def _crowd(stacked: _Stacked, moved: Numbers, is_known: Flags) -> Columns:
    """Where people are and whither they run, all together."""
    count = np.maximum(stacked.present.sum(axis=1), 1)[:, None]
    x, y = stacked.boxes[..., 0] + stacked.boxes[..., 2] - 1, 2 * stacked.boxes[..., 3] - 1
    shown = stacked.present
    mean_x, mean_y = ((one * shown).sum(axis=1) / count[:, 0] for one in (x, y))
    wide, deep = (np.sqrt((((one - mean[:, None]) * shown) ** 2).sum(axis=1) / count[:, 0])
                  for one, mean in ((x, mean_x), (y, mean_y)))
    runners = np.maximum(is_known.sum(axis=1), 1)
    flow = moved.sum(axis=1) / runners[:, None]
    speed = np.hypot(moved[..., 0], moved[..., 1]).sum(axis=1) / runners
    wearing = {shirt: (stacked.shirts == index) & shown for index, shirt in enumerate(SHIRTS)}
    return {
        "people": shown.sum(axis=1) / 12 - 1, "height": np.log2(stacked.usual / 0.1) / 2,
        "people x": mean_x, "people y": mean_y, "people wide": wide, "people deep": deep,
        "flow x": flow[:, 0] / 2, "flow y": flow[:, 1] / 2, "speed": speed / 2,
        **{f"{shirt} count": worn.sum(axis=1) / 6 for shirt, worn in wearing.items()},
        **{f"{shirt} x": (x * worn).sum(axis=1) / np.maximum(worn.sum(axis=1), 1) for shirt, worn in wearing.items()},
    }


def _heard(sound: SoundSteps | None, count: int) -> Columns:
    """Loudness is counted from its median over the last and next half minute, in steps of 10 dB."""
    if sound is None or not len(sound.loudness_db):
        return {name: np.zeros(count, np.float32) for name in ("heard", "loud", "louder", "surge", "whistle")}
    times = (np.arange(count) + 0.5) * STEP_MS / sound.step_ms - 0.5
    loud, surge, whistle = (np.interp(times, np.arange(len(one)), one)
                            for one in (sound.loudness_db, sound.surge, sound.whistle))
    relative = np.clip((loud - _running_median(loud)) / 10, -2, 3)
    return {"heard": (loud > -90).astype(np.float32), "loud": relative,
            "louder": np.clip(np.diff(loud, prepend=loud[:1]) / 3, -2, 2), "surge": surge, "whistle": whistle}


def _running_median(values: NDArray[np.float64], reach: int = 150, every: int = 25) -> NDArray[np.float64]:
    """Median of the values within `reach` steps, found at each `every`th step and interpolated."""
    places = np.arange(0, len(values), every)
    medians = [np.median(values[max(0, at - reach) : at + reach + 1]) for at in places.tolist()]
    return np.interp(np.arange(len(values)), places, medians)


def _steps_since(happened: Flags) -> Numbers:
    """Steps since something happened the last time; a hundred where it never did."""
    index = np.arange(len(happened))
    last = np.maximum.accumulate(np.where(happened, index, -100))
    return np.asarray(np.minimum(index - last, 100), np.float32)


def _leaky(values: Numbers, fades_s: Sequence[float], cuts: Numbers) -> Numbers:
    """Sums that fade; a cut sets them to 0."""
    kept = np.exp(-STEP_S / np.array(fades_s))
    total, found = np.zeros(len(fades_s)), np.zeros_like(values)
    for step, value in enumerate(values):
        total = value if cuts[step] else total * kept + value
        found[step] = total
    return np.clip(found, -4, 4)


def _smooth(values: Numbers, fade_s: float) -> Numbers:
    """Mean of what was, the last seconds most."""
    kept = float(np.exp(-STEP_S / fade_s))
    found, mean = np.zeros_like(values), float(values[0]) if len(values) else 0.0
    for step, value in enumerate(values.tolist()):
        mean = mean * kept + value * (1 - kept)
        found[step] = mean
    return found
