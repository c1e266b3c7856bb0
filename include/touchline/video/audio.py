"""What is heard in a recording? Sound on the clock of the picture.

Two commands, because ffmpeg configures its filters again wherever the sound changes its rate or channels, and then
their counts start again: the first one brings the sound into one form and counts nothing, the second one counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from touchline.domain.recording import AudioStream, Recording
from touchline.video import ffmpeg_graph as graph
from touchline.video.command import stream

BLOCK_SAMPLES = 1 << 16
LEAD_S = 3
"""How long before a stretch reading begins: in a file, sound may lie that far from its picture."""
MOST_APART_S = 0.04
"""How far sound and picture may part: sound that comes 40 ms early still counts as in step (EBU R37)."""
_SAMPLE_BYTES = 4


def decode_audio(
    recording: Recording, start_ms: int = 0, end_ms: int | None = None, *, sample_rate: int = 16_000, threads: int = 2
) -> Iterator[NDArray[np.float32]]:
    """Yield the sound in blocks of float32 mono samples, -1…1; sample 0 is heard at recording_ms `start_ms`.

    The start is padded with silence or trimmed, gaps are filled, what follows the last frame of the picture is left
    out; sound that ends early ends early. Yields nothing for a recording without sound.

    Raises:
        CommandError: ffmpeg failed.
    """
    if recording.audio is None:
        return
    length_ms = min(recording.duration_ms, recording.duration_ms if end_ms is None else end_ms) - start_ms
    feeder = feeding_argv(recording, Fraction(start_ms, 1000), Fraction(length_ms, 1000), sample_rate, "mono", threads)
    sound = on_clock(sample_rate).filter("atrim", end_sample=length_ms * sample_rate // 1000)
    argv = graph.ffmpeg_argv(sound.output("pipe:", f="f32le", acodec="pcm_f32le"), filter_threads=threads)
    for block in stream(argv, block_bytes=BLOCK_SAMPLES * _SAMPLE_BYTES, feeder=feeder):
        yield np.frombuffer(block[: len(block) // _SAMPLE_BYTES * _SAMPLE_BYTES], np.float32)


def feeding_argv(
    recording: Recording, origin_s: Fraction, length_s: Fraction, sample_rate: int, layout: str, threads: int
) -> list[str]:
    """The command whose output `on_clock` reads: the sound of a stretch in one form, at its times since `origin_s`.

    Every filter looks at a frame's own time only, so it does not matter how often they are configured again.
    """
    if recording.audio is None:
        raise ValueError(f"{recording.path} has no sound")
    begin_s = recording.video.start_s + origin_s
    start_us = None if origin_s <= LEAD_S else int((begin_s - LEAD_S) * graph.TICKS_PER_S)
    sound = (
        graph.open_recording(recording, threads, start_us)[str(recording.audio.index)]
        .filter("asetpts", f"PTS-({float(begin_s)!r})/TB")
        .filter("atrim", start=0, end=float(length_s + 1))
    )
    # Where nothing is heard in all of the stretch, one sample of silence: whoever reads needs a beginning.
    output = in_one_form(sound, recording.audio, sample_rate, layout).filter("apad", whole_len=1)
    return graph.ffmpeg_argv(output.output("pipe:", f="nut", acodec="pcm_f32le"), filter_threads=threads)


def in_one_form(sound: Any, audio: AudioStream, sample_rate: int, layout: str) -> Any:
    """Sound of this rate and layout ("mono" or "stereo"), whatever the recording's is; floats.

    Channels without places cannot be mixed by place: their mean is heard on each side.
    """
    if audio.is_discrete:
        mean = "+".join(f"{1 / audio.channels!r}*c{number}" for number in range(audio.channels))
        sound = sound.filter("pan", args=f"mono|c0={mean}")
    resampled = sound.filter("aresample", sample_rate)
    return resampled.filter("aformat", sample_fmts="flt", sample_rates=sample_rate, channel_layouts=layout)


def on_clock(sample_rate: int) -> Any:
    """The fed sound, whose sample 0 is at the origin: padded at its start, gaps filled.

    `aresample` fills or drops where times and samples part by more than MOST_APART_S (a gap in a transport stream, two
    recordings joined whose sound overlaps), and at the start exactly.
    """
    fed = ffmpeg.input("pipe:0", f="nut", protocol_whitelist="pipe").audio
    return fed.filter("aresample", sample_rate, min_hard_comp=MOST_APART_S, **{"async": 1, "first_pts": 0})
