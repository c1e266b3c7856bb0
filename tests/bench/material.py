"""Which recordings are measured? Simulated ones, made once and looped without re-encoding."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from support.footage import TOUCHLINE

SIMULATED_S = 240


def looped_match(folder: Path, minutes: int, size: str, seed: int) -> Path:
    """A recording of this length and size: a simulated match of four minutes, repeated."""
    target = folder / f"loop-{minutes}min-{size}.mp4"
    if target.exists():
        return target
    source = folder / f"match-{size}-seed{seed}"
    if not (source / "match.mp4").exists():
        print(f"simulating {SIMULATED_S} s at {size}", flush=True)
        subprocess.run([TOUCHLINE, "simulate", f"--seconds={SIMULATED_S}", f"--seed={seed}", f"--size={size}",
                        "--output", source], check=True)
    making = target.with_name(f".{target.name}.part.mp4")
    again = str(minutes * 60 // SIMULATED_S)
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-stream_loop", again, "-i", source / "match.mp4",
                    "-c", "copy", "-t", str(minutes * 60), making], check=True)
    making.rename(target)
    return target


def decode_wall_s(recording: Path) -> float:
    """Seconds that ffmpeg takes to decode every frame and all sound once, with two threads."""
    started = time.monotonic()
    subprocess.run(["ffmpeg", "-nostdin", "-loglevel", "error", "-threads", "2", "-i", recording, "-f", "null", "-"],
                   check=True)
    return time.monotonic() - started


def frames_of(recording: Path) -> int:
    """Number of video packets, counted without decoding."""
    argv = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-count_packets", "-show_entries",
            "stream=nb_read_packets", "-of", "csv=p=0", str(recording)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    return int(done.stdout.strip().strip(","))
