"""What is heard in a recording? Mono samples on the clock of the picture."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from touchline.domain.recording import Recording
from touchline.video import ffmpeg_graph as graph
from touchline.video.command import stream

BLOCK_SAMPLES = 1 << 16
_SAMPLE_BYTES = 4


def decode_audio(recording: Recording, *, sample_rate: int = 16_000, threads: int = 2) -> Iterator[NDArray[np.float32]]:
    """Yield the sound in blocks of float32 mono samples, -1…1; sample 0 is heard at recording_ms 0.

    The start is padded with silence or trimmed, gaps are filled, what follows the last frame of the picture is left
    out; sound that ends early ends early. Yields nothing for a recording without sound.

    Raises:
        CommandError: ffmpeg failed.
    """
    if recording.audio is None:
        return
    source = graph.open_recording(recording, threads, None)
    sound = graph.sound_on_clock(source, recording, Fraction(0), sample_rate)
    sound = sound.filter("atrim", end_sample=recording.duration_ms * sample_rate // 1000)
    output = sound.output("pipe:", f="f32le", acodec="pcm_f32le", ac=1)
    argv = graph.ffmpeg_argv(output, filter_threads=threads)
    for block in stream(argv, block_bytes=BLOCK_SAMPLES * _SAMPLE_BYTES):
        yield np.frombuffer(block[: len(block) // _SAMPLE_BYTES * _SAMPLE_BYTES], np.float32)
