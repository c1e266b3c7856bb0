"""Small recordings whose pictures carry their own number, made with ffmpeg."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from touchline.domain.recording import Recording
from touchline.video.probe import probe_recording

BITS = 8
WIDTH, HEIGHT = 128, 64
NUMBERED = (
    f"geq=lum='if(mod(floor(N/pow(2,floor(X*{BITS}/W))),2),235,16)':cb=128:cr=128"  # frame N shows N as strips of bits
)
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p", "-g", "50", "-threads", "1")


def run_ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], check=True)


def read_number(pixels: np.ndarray) -> int:
    """Read the frame number back from a picture of any size."""
    height, width = pixels.shape[:2]
    grey = pixels[height // 4 : 3 * height // 4].mean(axis=(0, 2)) if pixels.ndim == 3 else pixels.mean(axis=0)
    strips = grey.reshape(BITS, width // BITS)[:, width // BITS // 4 : -(width // BITS // 4)]
    return sum(1 << bit for bit, level in enumerate(strips.mean(axis=1)) if level > 128)


class RecordingMaker:
    """Makes recordings of numbered frames, each once per test session."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()
        self._made: dict[tuple[object, ...], Path] = {}

    def __call__(self, name: str, *, fps: str = "25", seconds: float = 6, codec: tuple[str, ...] = X264,
                 filters: str = "", sound: str | None = None, extra: tuple[object, ...] = ()) -> Path:
        key = (name, fps, seconds, codec, filters, sound, extra)
        if key not in self._made:
            target = self._folder / str(next(self._numbers)) / name
            target.parent.mkdir()
            source = f"nullsrc=s={WIDTH}x{HEIGHT}:r={fps}:d={seconds},{NUMBERED}" + (f",{filters}" if filters else "")
            inputs = ["-f", "lavfi", "-i", source]
            sound_codec = "mp2" if name.endswith(".mpg") else "aac"
            length = "" if sound and ":d=" in sound else f":d={seconds}"
            inputs += ["-f", "lavfi", "-i", f"{sound}{length}", "-c:a", sound_codec] if sound else []
            run_ffmpeg(*inputs, *codec, *extra, target)
            self._made[key] = target
        return self._made[key]

    def edit_list(self, seconds: float) -> Path:
        """A stream copy that begins between two key frames: its edit list hides packets."""
        target = self._folder / f"edit-list-{seconds}.mp4"
        if not target.exists():
            run_ffmpeg("-ss", seconds, "-i", self("whole.mp4"), "-c", "copy", target)
        return target


@pytest.fixture(scope="session")
def make_recording(tmp_path_factory: pytest.TempPathFactory) -> RecordingMaker:
    return RecordingMaker(tmp_path_factory.mktemp("recordings"))


@pytest.fixture(scope="session")
def probed() -> Callable[[Path], Recording]:
    return lambda path: probe_recording(path, "0" * 64)


@pytest.fixture(scope="session")
def ffmpeg() -> Callable[..., None]:
    """Run ffmpeg with these arguments."""
    return run_ffmpeg


@pytest.fixture(scope="session")
def number_in() -> Callable[[np.ndarray], int]:
    """Read the number that a picture shows."""
    return read_number
