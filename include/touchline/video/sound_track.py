"""Which of a recording's sound tracks is the match? The first one in which something is heard.

Recorders write a track for each input, plugged in or not, and broadcasters announce tracks that they never send.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np

from touchline.domain.recording import AudioStream
from touchline.video import ffmpeg_graph as graph
from touchline.video.audio import in_one_form
from touchline.video.command import run
from touchline.video.demuxer import input_options

WINDOWS = 6
"""Spread over the recording; listening to one costs about 50 ms, and is needed only where there are several tracks."""
WINDOW_S = 3
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
    heard = [sum(_is_heard(path, demuxer, track, begin_s) for begin_s in begins_s) for track in tracks]
    return next(track for track, times in zip(tracks, heard, strict=True) if 2 * times >= max(heard))


def _is_discrete(stream: Mapping[str, Any]) -> bool:
    channels = int(stream.get("channels", 0))
    has_places = stream.get("channel_layout", "unknown") != "unknown"
    return channels > MOST_PLACES or (channels > _MONO_OR_STEREO and not has_places)


def _is_heard(path: Path, demuxer: str, track: AudioStream, begin_s: Fraction) -> bool:
    source = ffmpeg.input(**input_options(path, demuxer, threads=1, start_us=int(begin_s * graph.TICKS_PER_S)))
    window = source[str(track.index)].filter("atrim", start=float(begin_s), end=float(begin_s + WINDOW_S))
    output = in_one_form(window, track, _RATE, "mono").output("pipe:", f="f32le", acodec="pcm_f32le")
    samples = np.frombuffer(run(graph.ffmpeg_argv(output), timeout_s=_LISTEN_TIMEOUT_S).stdout, np.float32)
    return bool(len(samples)) and float(np.sqrt(np.mean(np.square(samples)))) >= SILENCE
