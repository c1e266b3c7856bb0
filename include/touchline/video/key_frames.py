"""The pictures that a recording's decoder can begin with: seen at a small part of the cost of all."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Empty, SimpleQueue

import numpy as np

from touchline.domain.recording import Recording
from touchline.errors import BadRecordingError
from touchline.video import ffmpeg_graph as graph
from touchline.video.command import stream
from touchline.video.decode import Frame
from touchline.video.monitor import frame_pts

LINE_WAIT_S = 5.0


def decode_key_frames(recording: Recording, apart_ms: int, width: int, height: int, *,
                      window: tuple[int, int, int, int] | None = None, threads: int = 2) -> Iterator[Frame]:
    """Yield key frames at least `apart_ms` apart, each at its own time; nothing but key frames is decoded.

    Turned upright and scaled to (width, height), of which `window` (x, y, width, height) is cut out; RGB.
    Closing the generator ends ffmpeg.

    Raises:
        CommandError: ffmpeg failed.
    """
    x, y, wide, high = window or (0, 0, width, height)
    times: SimpleQueue[int] = SimpleQueue()

    def on_frame(line: str) -> None:
        pts = frame_pts(line)
        if pts is not None:
            times.put(pts)

    argv = _argv(recording, apart_ms, (width, height), (x, y, wide, high), threads)
    blocks = stream(argv, block_bytes=wide * high * 3, on_frame=on_frame)
    try:
        for block in blocks:
            pixels = np.frombuffer(block, np.uint8).reshape(high, wide, 3)
            yield Frame(times.get(timeout=LINE_WAIT_S) // 1000, pixels)
    except Empty:
        raise BadRecordingError(f"{recording.path} shows key frames without a time: export it again") from None
    finally:
        blocks.close()  # type: ignore[attr-defined]


def _argv(recording: Recording, apart_ms: int, size: tuple[int, int], window: tuple[int, int, int, int],
          threads: int) -> list[str]:
    video = recording.video
    origin = round(video.start_s * graph.TICKS_PER_S)
    x, y, wide, high = window
    source = graph.open_recording(recording, threads, None, key_frames_only=True)
    picture = source[str(video.index)].filter("settb", f"1/{graph.TICKS_PER_S}").filter("setpts", f"PTS-({origin})")
    # Those before the first presented frame are hidden by an edit list.
    picture = picture.filter("select", f"gte(pts,0)*(isnan(prev_selected_t)+gte(t-prev_selected_t,{apart_ms / 1000}))")
    picture = graph.scaled(graph.told(picture), video, *size).filter("crop", wide, high, x, y, exact=1)
    output = picture.output("pipe:", f="rawvideo", pix_fmt="rgb24", fps_mode="passthrough")
    return graph.ffmpeg_argv(output, filter_threads=threads)
