"""How far does a chunk look over its borders? What it finds must not depend on where they are.

Chunks share no moment (`spotting/chunks.py` cuts them). But what a moment shows needs the frames around it, so a chunk
decodes a few frames that belong to its neighbours, within one recording or one whose picture goes on.
"""

from __future__ import annotations

from collections.abc import Sequence

from touchline.inference.look import LOOK_FRAMES, LOOK_MS, STEP_FRAMES
from touchline.inference.windows import Stretch, window_frames
from touchline.seeing.sight import STEP_MS


def looked_frames(stretch: Stretch, centres: Sequence[int]) -> tuple[int, int]:
    """First and last frame of the grid for `stills`: from one step before the stretch on, for the camera's sake.

    The first one is one in which people and ball are looked for, so it may lie further back, before the recording too.
    """
    a_look = centres[0] - stretch.moments_ms[0] % LOOK_MS // STEP_MS * STEP_FRAMES
    wanted = max(0, centres[0] - STEP_FRAMES)
    return wanted - (wanted - a_look) % LOOK_FRAMES, centres[-1]


def frames_of_the_one_before(centres: Sequence[int]) -> int:
    """How many of these frames are the last ones of the recording before, where the picture goes on from it."""
    return max(0, STEP_FRAMES - centres[0])


def watched_frames(centres: Sequence[int], length: int) -> tuple[int, int]:
    """First and last frame of the grid that the clip model's windows of `length` frames around these centres need."""
    return max(0, window_frames(centres[0], length).start), window_frames(centres[-1], length).stop - 1
