"""Which of a recording's sound tracks is the match? The first one in which something is heard.

Recorders write a track for each input, plugged in or not, and broadcasters announce tracks that they never send.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np

from touchline.domain.recording import AudioStream
from touchline.errors import CommandError
from touchline.video import ffmpeg_graph as graph
from touchline.video.audio import in_one_form
from touchline.video.command import run
from touchline.video.demuxer import input_argv, input_options
from touchline.video.log import LOG_LEVEL
from touchline.video.packets import lines_of

WINDOWS = 5
"""Spread over the recording; listening in one costs about 0.1 s, and is needed only where there are several tracks."""
WINDOW_S = 3
SENT_TO_THE_END_S = 1
"""A track is listened to where its packets come up to this long before the end of a window.

ffmpeg would look for the rest of the others up to the end of the file.
"""
SILENCE = 1e-3
"""Root mean square of a window below which nothing is heard: -60 dB; an open input hisses at -70 dB and less."""
MOST_PLACES = 8
"""7.1 is the largest layout that recordings use; ffmpeg has names for 16 places, but means a sphere by them."""
_RATE = 8000
_LISTEN_TIMEOUT_S = 60.0
_MONO_OR_STEREO = 2


def sound_tracks(streams: Sequence[Mapping[str, Any]]) -> list[AudioStream]:
    """The sound tracks that ffprobe found, in order; those that are announced but were never sent are left out."""
    sounds = [stream for stream in streams if stream.get("codec_type") == "audio"]
    return [
        AudioStream(
            index=int(stream["index"]),
            codec=stream["codec_name"],
            sample_rate=int(stream["sample_rate"]),
            channels=int(stream["channels"]),
            start_s=int(stream.get("start_pts", 0)) * Fraction(stream["time_base"]),
            is_discrete=_is_discrete(stream),
            track=number,
            tracks=len(sounds),
        )
        for number, stream in enumerate(sounds, start=1)
        if stream.get("codec_name", "unknown") != "unknown"
        and int(stream.get("sample_rate", 0))
        and int(stream.get("channels", 0))
    ]


def choose_track(
    path: Path, demuxer: str, tracks: Sequence[AudioStream], start_s: Fraction, duration_ms: int
) -> AudioStream | None:
    """The first track that is heard in at least half as many windows as the one that is heard most.

    So a second microphone does not win because the crowd paused once. `start_s` is the container time of the picture.
    """
    if len(tracks) < 2:
        return next(iter(tracks), None)
    step_s = Fraction(duration_ms, 1000) / WINDOWS
    begins_s = [start_s + number * step_s for number in range(WINDOWS)]
    sent = _sent(path, demuxer, begins_s)
    heard: Counter[int] = Counter()
    for begin_s in begins_s:
        there = [track for track in tracks if (track.index, begin_s) in sent]
        heard.update(_heard(path, demuxer, there, begin_s))
    return next(track for track in tracks if 2 * heard[track.index] >= max(heard.values(), default=0))


def _is_discrete(stream: Mapping[str, Any]) -> bool:
    channels = int(stream.get("channels", 0))
    has_places = stream.get("channel_layout", "unknown") != "unknown"
    return channels > MOST_PLACES or (channels > _MONO_OR_STEREO and not has_places)


def _sent(path: Path, demuxer: str, begins_s: Sequence[Fraction]) -> set[tuple[int, Fraction]]:
    """(stream index, begin of a window) where packets of a stream come nearly up to the end of a window."""
    intervals = ",".join(f"{float(begin_s)}%+{WINDOW_S}" for begin_s in begins_s)
    argv = ["ffprobe", "-v", LOG_LEVEL, "-read_intervals", intervals]
    argv += ["-show_entries", "packet=stream_index,pts_time", "-of", "csv=p=0", *input_argv(path, demuxer)]
    found = set()
    for line in lines_of(argv):
        index, _, time = line.partition(",")
        for begin_s in begins_s:
            until_s = float(begin_s) + WINDOW_S
            if time[:1].isdigit() and until_s - SENT_TO_THE_END_S <= float(time.rstrip(",")) <= until_s:
                found.add((int(index), begin_s))
    return found


def _heard(path: Path, demuxer: str, tracks: Sequence[AudioStream], begin_s: Fraction) -> list[int]:
    """The indexes of the tracks in which something is heard in a window; what cannot be decoded is not heard."""
    if not tracks:
        return []
    source = ffmpeg.input(**input_options(path, demuxer, threads=1, start_us=int(begin_s * graph.TICKS_PER_S)))
    windows = [_window(source, track, begin_s) for track in tracks]
    output = ffmpeg.concat(*windows, v=0, a=1).output("pipe:", f="f32le", acodec="pcm_f32le")
    try:
        samples = np.frombuffer(run(graph.ffmpeg_argv(output), timeout_s=_LISTEN_TIMEOUT_S).stdout, np.float32)
    except CommandError as error:
        if error.kernel_errno is not None:
            raise
        alone = [[track] for track in tracks if len(tracks) > 1]
        return [index for one in alone for index in _heard(path, demuxer, one, begin_s)]
    levels = np.sqrt(np.mean(np.square(samples.reshape(len(tracks), -1)), axis=1))
    return [track.index for track, level in zip(tracks, levels, strict=True) if level >= SILENCE]


def _window(source: Any, track: AudioStream, begin_s: Fraction) -> Any:
    """The sound of a track in a window, always of the same length."""
    samples = WINDOW_S * _RATE
    sound = source[str(track.index)].filter("atrim", start=float(begin_s), end=float(begin_s + WINDOW_S))
    mono = in_one_form(sound, track, _RATE, "mono").filter("asetpts", "N/SR/TB")
    return mono.filter("apad", whole_len=samples).filter("atrim", end_sample=samples)
