"""What does a reel cost that is copied, with exact and with earlier starts, beside one that is encoded? And peers?

Runs under the worker's Python, because only that has what cuts video.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from touchline.domain.clip import Clip
from touchline.domain.layout import ScratchFiles
from touchline.domain.recording import Recording
from touchline.reels.render import Workshop, cut_clips, find_cuts, joined, widened_cuts
from touchline.video.cut import ClipStyle
from touchline.video.edges import find_copying
from touchline.video.probe import probe_recording

GROUPS_S = (1, 2, 5)
"""Seconds between key frames."""
SECONDS, CLIPS, CLIP_MS, APART_MS = 120, 8, 8000, 14_300
EARLIER_MS = 5000
MOVIEPY = """
import sys
from moviepy import VideoFileClip, concatenate_videoclips
film = VideoFileClip(sys.argv[1])
spans = [tuple(map(float, span.split("-"))) for span in sys.argv[3:]]
reel = concatenate_videoclips([film.subclipped(*span) for span in spans])
reel.write_videofile(sys.argv[2], preset="veryfast", ffmpeg_params=["-crf", "20"], logger=None)
"""


def main() -> int:
    """Print JSON: for each distance of key frames, wall and processor seconds of each way."""
    folder, source, peers = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""
    print(json.dumps({str(group_s): measure(folder, source, group_s, peers) for group_s in GROUPS_S}))
    return 0


def measure(folder: Path, source: Path, group_s: int, peers: str) -> dict[str, tuple[float, float]]:
    """Wall and processor seconds of one reel of eight clips of 8 s, made in each way; ours are checked."""
    film = with_groups(folder, source, group_s)
    recording = probe_recording(film, "0" * 64)
    style = ClipStyle(recording.video.width, recording.video.height, recording.video.fps)
    spans = [(1000 + number * APART_MS, 1000 + number * APART_MS + CLIP_MS) for number in range(CLIPS)]
    ways: dict[str, Callable[[], object]] = {
        "copied, starts at key frames": lambda: ours(folder, recording, style, spans, "earlier"),
        "copied, exact": lambda: ours(folder, recording, style, spans, "exact"),
        "encoded": lambda: ours(folder, recording, style, spans, "encoded"),
        "ffmpeg libx264 veryfast, unchecked": lambda: plain(folder, film, spans),
    }
    if peers:
        ways["smartcut, unchecked"] = lambda: smartcut(folder, film, spans, peers)
        ways["moviepy, unchecked"] = lambda: moviepy(folder, film, spans, peers)
    return {name: timed(way) for name, way in ways.items()}


def with_groups(folder: Path, source: Path, group_s: int) -> Path:
    """The source's first minutes with a key frame every so many seconds, at 8 Mbit/s."""
    target = folder / f"{source.stem}-groups-{group_s}.mp4"
    if not target.exists():
        making = target.with_name(f".{target.name}.part.mp4")
        argv = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-stream_loop", "-1", "-i", source, "-t", str(SECONDS)]
        argv += ["-c:v", "libx264", "-preset", "veryfast", "-b:v", "8M", "-g", "1000", "-sc_threshold", "0"]
        argv += ["-force_key_frames", f"expr:gte(t,n_forced*{group_s})", "-pix_fmt", "yuv420p", "-c:a", "aac", making]
        subprocess.run(argv, check=True)
        making.rename(target)
    return target


def ours(folder: Path, recording: Recording, style: ClipStyle, spans: list[tuple[int, int]], way: str) -> None:
    """The reel as `render_reel` makes it, from nothing."""
    shutil.rmtree(folder / "ours", ignore_errors=True)
    copying = None if way == "encoded" else find_copying([recording], style)
    shop = Workshop([recording], ScratchFiles(folder / "ours", "bench"), style, 3600, copying,
                    EARLIER_MS if way == "earlier" else 0)
    clips = [Clip(start_ms, end_ms, "Goal", 1.0, ("Goal",)) for start_ms, end_ms in spans]
    cuts = widened_cuts(find_cuts(clips, shop.timeline), shop)
    cut_clips(cuts, shop, lambda *_: None)
    with joined("bench", cuts, shop):
        pass


def plain(folder: Path, film: Path, spans: list[tuple[int, int]]) -> None:
    """Each clip encoded by ffmpeg, then joined."""
    names = []
    for number, (start_ms, end_ms) in enumerate(spans):
        names.append(folder / f"plain-{number}.mp4")
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-ss", str(start_ms / 1000), "-i", film, "-t",
                        str((end_ms - start_ms) / 1000), "-c:v", "libx264", "-preset", "veryfast", "-crf", "20",
                        "-c:a", "aac", names[-1]], check=True)
    (folder / "plain.txt").write_text("".join(f"file '{name}'\n" for name in names))
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", folder / "plain.txt",
                    "-c", "copy", folder / "plain.mp4"], check=True)


def smartcut(folder: Path, film: Path, spans: list[tuple[int, int]], python: str) -> None:
    """The same clips by smartcut."""
    kept = ",".join(f"{at_ms / 1000}" for span in spans for at_ms in span)
    subprocess.run([python, "-m", "smartcut", film, folder / "smartcut.mp4", "--keep", kept], check=True,
                   capture_output=True)


def moviepy(folder: Path, film: Path, spans: list[tuple[int, int]], python: str) -> None:
    """The same clips by moviepy."""
    seconds = [f"{start_ms / 1000}-{end_ms / 1000}" for start_ms, end_ms in spans]
    subprocess.run([python, "-c", MOVIEPY, film, folder / "moviepy.mp4", *seconds], check=True, capture_output=True)


def timed(way: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds, of this process and its children."""
    before, started = _cpu_s(), time.monotonic()
    way()
    return round(time.monotonic() - started, 2), round(_cpu_s() - before, 2)


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    sys.exit(main())
