"""What does a whole recording show? People, ball and camera for each step of it, as the spotter sees them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from touchline.domain.recording import Recording
from touchline.inference.detector import Detector
from touchline.inference.look import CLOSE_PX, LOOK_PX, look, look_size, stills
from touchline.inference.windows import frame_index
from touchline.seeing.settle import settle
from touchline.seeing.sight import STEP_MS, Sight
from touchline.seeing.table import seeing_table
from touchline.video.decode import decode_frames


def see_recording(recording: Recording, detector: Detector, *, threads: int = 2, closely: bool = True) -> list[Sight]:
    """One sight for each step of a recording, from its beginning to its end.

    Raises:
        BadRecordingError: it cannot be decoded.
    """
    width, height = look_size(recording, CLOSE_PX if closely else LOOK_PX)
    fps = Fraction(seeing_table("motion")["fps"])
    moments = {frame_index(at, fps): at for at in range(0, recording.duration_ms, STEP_MS)}
    frames = _frames(recording, (width, height), fps, threads)
    [sights] = settle([list(look(stills(frames, moments), detector, closely=closely))], width / height).stretches
    return sights


def _frames(recording: Recording, size: tuple[int, int], fps: Fraction,
            threads: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    for frame in decode_frames(recording, 0, recording.duration_ms, fps=fps, width=size[0], height=size[1],
                               threads=threads):
        yield frame_index(frame.recording_ms, fps), frame.pixels
