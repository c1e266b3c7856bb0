"""The cheap pass over a whole match: movement from packet sizes, sound, hot windows; clock and score in the picture."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from touchline.domain.layout import ScratchFiles, WorkFiles
from touchline.domain.recording import Recording, Timeline
from touchline.errors import BadRecordingError
from touchline.inference.text_reader import TextReader
from touchline.progress import report
from touchline.results.recordings import from_nearest
from touchline.results.request import load_request
from touchline.results.result import Outcome, digest_of, read_result, reuse_or_compute
from touchline.settings import Settings
from touchline.spotting import signals
from touchline.spotting.graphic import Look, find_graphic
from touchline.spotting.scoreboard import Reading, read_texts
from touchline.video.audio import decode_audio
from touchline.video.clock import clock_text, gap_text, gaps, refuse_clock_that_goes_back
from touchline.video.decode import MAX_SHORTFALL_S, Frame, decode_frames
from touchline.video.key_frames import decode_key_frames
from touchline.video.packets import Packets, video_packets
from touchline.video.plain import recording_from_plain

VERSION = 4
"""Raise it when the same inputs would give another result."""
LOOK_FPS = Fraction(1)
LAST_PACKETS = 32
"""More than any encoder reorders."""
MOST_NOTES = 20
_SERIES: dict[str, type] = {"bytes_per_frame": float, "dead": bool, "empty": bool, "loudness_db": float,
                            "whistle": float}


@dataclass(frozen=True)
class RecordingSignals:
    """What one recording gives, one value per step of its own time; sound is empty where there is none.

    `empty` are the steps in which no picture comes at all; `notes` say so in words.
    """

    bytes_per_frame: signals.Series
    dead: NDArray[np.bool_]
    empty: NDArray[np.bool_]
    loudness_db: signals.Series
    whistle: signals.Series
    packets: int
    looks: int
    notes: tuple[str, ...] = ()
    graphic: tuple[Reading, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As JSON holds it, exactly."""
        series = {name: getattr(self, name).tolist() for name in _SERIES}
        return {**series, "packets": self.packets, "looks": self.looks, "notes": list(self.notes),
                "graphic": [asdict(reading) for reading in self.graphic]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> RecordingSignals:
        """The inverse of `plain`."""
        series: dict[str, Any] = {name: np.array(plain[name], kind) for name, kind in _SERIES.items()}
        graphic = (Reading(one["match_ms"], one["clock_s"], tuple(one["score"]) if one["score"] else None)
                   for one in plain["graphic"])
        return cls(**series, packets=plain["packets"], looks=plain["looks"], notes=tuple(plain["notes"]),
                   graphic=tuple(graphic))


@dataclass(frozen=True)
class MatchSignals:
    """The signals of a match, one value per step of match time; sound is empty where no recording has any."""

    motion: signals.Series
    dead: NDArray[np.bool_]
    empty: NDArray[np.bool_]
    loudness_db: signals.Series
    surge: signals.Series
    whistle: signals.Series


def scan(match_id: str, settings: Settings, *, force: bool = False) -> Outcome:
    """Write `scan.json`: motion, loudness, surge and whistle per half second, and the hot windows (docs/files.md).

    Raises:
        DamagedResultError: the result of `probe` is missing.
        StorageError: a recording is away or cannot be read.
        BadRecordingError: a recording has less picture than its probe found, or more, or its clock goes back.
    """
    request = load_request(match_id, settings)
    files, looks_at_all = WorkFiles(settings.working_dir, request.match_id), request.is_provisional
    plain = read_result(files.probe).result["recordings"]
    inputs: dict[str, Any] = {
        "version": VERSION,
        "recordings": [{key: value for key, value in one.items() if key != "path"} for one in plain],
        "table": digest_of(signals.signal_table()),
        "max_workers": settings.max_workers,
        **({"looks_at_all": True} if looks_at_all else {}),
    }
    recordings = [recording_from_plain(one) for one in plain]
    scratch, timeline = ScratchFiles(settings.scratch_dir, match_id), Timeline.of(recordings)

    def signals_of(index: int) -> RecordingSignals:
        """Of several recordings each is kept: those that were there before are not read again when another comes."""
        recording, reporter = recordings[index], _reporter(timeline.offset_ms(index), timeline.duration_ms)

        def scanned() -> RecordingSignals:
            return from_nearest([recording], scratch,
                                lambda near: scan_recording(near[0], settings.max_workers, reporter))

        if len(recordings) == 1:
            return scanned()
        own = {**inputs, "recordings": inputs["recordings"][index]}
        kept = reuse_or_compute(files.scanned(recording.fingerprint), "scan", own, lambda: scanned().plain(),
                                force=force)
        return RecordingSignals.from_plain(kept.result)

    return reuse_or_compute(files.scan, "scan", inputs, lambda: _compute(recordings, signals_of, looks_at_all),
                            force=force)


def _compute(recordings: Sequence[Recording], signals_of: Callable[[int], RecordingSignals],
             looks_at_all: bool) -> dict[str, Any]:
    """`looks_at_all`: every step that shows anything is hot, so that no later chapter changes the windows before it."""
    started = time.monotonic()
    timeline = Timeline.of(recordings)
    each = [signals_of(index) for index in range(len(recordings))]
    joined = _join(each, recordings, timeline)
    hot = ~joined.dead if looks_at_all else signals.hot_steps(joined.motion, joined.surge, joined.whistle)
    windows = signals.hot_windows(hot, joined.dead, timeline.duration_ms, joined.empty)
    wall_s = max(1e-3, time.monotonic() - started)
    packets = sum(one.packets for one in each)
    hot_ms = sum(window.end_ms - window.start_ms for window in windows)
    return {
        "step_ms": signals.step_ms(),
        "duration_ms": timeline.duration_ms,
        "motion": _rounded(joined.motion, 3),
        "loudness_db": _rounded(joined.loudness_db, 1),
        "surge": _rounded(joined.surge, 3),
        "whistle": _rounded(joined.whistle, 3),
        "hot": [[window.start_ms, window.end_ms] for window in windows],
        "graphic": [asdict(replace(reading, match_ms=reading.match_ms + timeline.offset_ms(index)))
                    for index, one in enumerate(each) for reading in one.graphic],
        "stats": {
            "packets": packets,
            "frames_per_s": round(packets / wall_s, 1),
            "times_real_time": round(timeline.duration_ms / 1000 / wall_s, 1),
            "looks": sum(one.looks for one in each),
            "hot_part": round(hot_ms / timeline.duration_ms, 3),
            "notes": [note for one in each for note in one.notes],
        },
    }


def scan_recording(recording: Recording, threads: int, on_progress: Callable[[int], None]) -> RecordingSignals:
    """Signals of one recording, on its own clock; `on_progress` hears how many milliseconds are done.

    Raises:
        BadRecordingError: its packets are not those of one recording of the length that the probe found.
    """
    steps = signals.steps_in(recording.duration_ms)
    packets = video_packets(recording)
    refuse_clock_that_goes_back(recording.path, packets.times_ms)
    _refuse_another_length(recording, packets)
    packets = packets.until(recording.duration_ms) if recording.overlap_ms else packets
    empty, notes = _empty_steps(recording, packets, steps)
    per_frame = signals.bytes_per_frame(packets.times_ms, packets.sizes_bytes, packets.keys, steps)
    dead, looks = _dead_steps(recording, np.where(empty, np.inf, per_frame), threads)
    dead |= empty
    loudness_db = whistle = np.zeros(0)
    if recording.audio is not None:
        sound = signals.listen(_sound(recording, threads, on_progress), steps)
        loudness_db, whistle = sound.loudness_db, sound.whistle
    on_progress(recording.duration_ms)
    return RecordingSignals(per_frame, dead, empty, loudness_db, whistle, len(packets), looks, notes,
                            read_graphic(recording, dead, threads))


def _refuse_another_length(recording: Recording, packets: Packets) -> None:
    """Refuse packets that end early: ffprobe takes a read error for the end of the file and says nothing.

    And packets that go on long after the end that the probe found: that much of the match would be lost unseen.
    """
    reached_ms = int(packets.times_ms[-LAST_PACKETS:].max()) if len(packets) else 0
    length_ms = recording.duration_ms + recording.overlap_ms
    missing_ms = length_ms - reached_ms
    if missing_ms > MAX_SHORTFALL_S * 1000 and not recording.video.is_variable_rate:
        raise BadRecordingError(
            f"{recording.path} has picture only to {reached_ms / 1000:.1f} s, {missing_ms / 1000:.1f} s too early: "
            "copy it again"
        )
    beyond = int(np.count_nonzero(packets.times_ms > length_ms + MAX_SHORTFALL_S * 1000))
    if beyond > LAST_PACKETS:
        raise BadRecordingError(
            f"{recording.path} has {beyond} pictures after its end at {clock_text(length_ms)}: "
            "export it again as MP4"
        )


def _empty_steps(recording: Recording, packets: Packets, steps: int) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """The steps in which no picture comes for a long time; each stretch of them gets a line, which is also printed."""
    empty = np.zeros(steps, bool)
    notes = []
    for start_ms, end_ms in gaps(packets.times_ms, recording.duration_ms):
        empty[start_ms // signals.step_ms() + 1 : end_ms // signals.step_ms()] = True
        notes.append(gap_text(recording.path, (start_ms, end_ms)))
    for note in notes[:MOST_NOTES]:
        tqdm.write(note, file=sys.stderr)  # above the progress bar where there is one
    return empty, tuple(notes[:MOST_NOTES])


def _reporter(before_ms: int, whole_ms: int) -> Callable[[int], None]:
    return lambda done_ms: report("scan", (before_ms + done_ms) / whole_ms)


def _sound(recording: Recording, threads: int, on_progress: Callable[[int], None]) -> Iterator[signals.Samples]:
    rate, heard = signals.signal_table()["whistle"]["rate_hz"], 0
    for block in decode_audio(recording, sample_rate=rate, threads=threads):
        yield block
        heard += len(block)
        on_progress(heard * 1000 // rate)


def _dead_steps(recording: Recording, per_frame: signals.Series, threads: int) -> tuple[NDArray[np.bool_], int]:
    """Steps whose picture shows nothing, confirmed by looking at it, and how many looks that took."""
    rules = signals.signal_table()["dead"]
    dead = np.zeros(len(per_frame), bool)
    candidates = signals.dead_candidates(per_frame, recording.video.width * recording.video.height)
    left = most = rules["most_looks"]
    for first, end in sorted(candidates, key=lambda stretch: (stretch[0] - stretch[1], stretch[0])):
        start_ms = first * signals.step_ms()
        end_ms = min(end * signals.step_ms(), recording.duration_ms)
        count = max(rules["least_looks"], (end_ms - start_ms) // rules["look_every_ms"])
        if count > left:
            continue
        left -= count
        if signals.is_dead(_looks(recording, start_ms, end_ms, count, threads)):
            dead[first:end] = True
    return dead, most - left


def _looks(recording: Recording, start_ms: int, end_ms: int, count: int, threads: int) -> list[NDArray[np.uint8]]:
    """Small pictures at whole seconds spread over a stretch."""
    rules = signals.signal_table()["dead"]
    seconds = sorted({int(second) for second in np.linspace(start_ms / 1000 + 1, end_ms / 1000 - 1, count)})
    return [frame.pixels for second in seconds
            for frame in _frames_of(recording, second, rules["width_px"], rules["height_px"], threads)]


def read_graphic(recording: Recording, dead: NDArray[np.bool_], threads: int) -> tuple[Reading, ...]:
    """What the clock and the score in the picture said, on the recording's own clock; empty where there is none."""
    rules = signals.signal_table()["graphic"]
    if recording.duration_ms < rules["least_ms"]:
        return ()
    scale = min(1.0, rules["longest_side_px"] / max(recording.video.width, recording.video.height))
    width, height = (max(2, round(side * scale / 2) * 2) for side in (recording.video.width, recording.video.height))
    alive = np.flatnonzero(~dead)
    if not len(alive):
        return ()
    reader = TextReader(threads)
    places = np.linspace(0, len(alive) - 1, rules["find_looks"] + 2)[1:-1]
    seconds = sorted({int(alive[int(place)]) * signals.step_ms() // 1000 for place in places})
    looks = [Look(frame.recording_ms, reader.read(frame.pixels)) for second in seconds
             for frame in _frames_of(recording, second, width, height, threads)]
    found = find_graphic(looks)
    if found is None:
        return ()
    left, top = int(found[0] * width), int(found[1] * height)
    window = (left, top, int(found[2] * width) - left, int(found[3] * height) - top)
    shown = decode_key_frames(recording, rules["apart_ms"], width, height, window=window, threads=threads)
    read = (read_texts(frame.recording_ms, (text.text for text in reader.read(frame.pixels))) for frame in shown)
    return tuple(one for one in read if one.clock_s is not None or one.score is not None)


def _frames_of(recording: Recording, second: int, width: int, height: int, threads: int) -> Iterator[Frame]:
    """The picture at a whole second."""
    return decode_frames(recording, second * 1000, second * 1000 + 1, fps=LOOK_FPS, width=width, height=height,
                         threads=threads)


def _join(each: Sequence[RecordingSignals], recordings: Sequence[Recording], timeline: Timeline) -> MatchSignals:
    """Signals on the clock of the match; a recording without sound is silent among others that have some.

    What is usual is that of a film: of chapters that go on, all together; of halves, each by itself.
    """
    places = [timeline.locate(middle) for middle in _middles(timeline.duration_ms)]
    floor = float(signals.signal_table()["loudness"]["floor_db"])
    films = np.cumsum([not recording.goes_on for recording in recordings])
    film_of = np.array([films[recording] for recording, _ in places])

    def on_match_clock(name: str, filler: float) -> signals.Series:
        series = [getattr(one, name) for one in each]
        if not any(len(values) for values in series):
            return np.zeros(0)
        steps = ((series[recording], at_ms // signals.step_ms()) for recording, at_ms in places)
        return np.array([float(values[step]) if step < len(values) else filler for values, step in steps])

    per_frame, loudness_db = on_match_clock("bytes_per_frame", 0.0), on_match_clock("loudness_db", floor)
    dead = on_match_clock("dead", 0.0) > 0
    motion, surge = np.zeros(len(places)), np.zeros(len(loudness_db))
    for film in np.unique(films):
        here = film_of == film
        motion[here] = signals.motion(per_frame[here], dead[here])
        if len(loudness_db):
            surge[here] = signals.surge(loudness_db[here])
    return MatchSignals(motion, dead, on_match_clock("empty", 0.0) > 0, loudness_db, surge,
                        on_match_clock("whistle", 0.0))


def _middles(duration_ms: int) -> list[int]:
    """The middle of every step; within the match also for the last one."""
    step = signals.step_ms()
    return [min(number * step + step // 2, duration_ms - 1) for number in range(signals.steps_in(duration_ms))]


def _rounded(values: signals.Series, decimals: int) -> list[float]:
    return [float(value) for value in np.round(values, decimals)]
