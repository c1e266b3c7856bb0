"""Recordings for tests: how are they made, and how do we tell that two videos show the same?"""

from __future__ import annotations

import os
import secrets
import subprocess
from pathlib import Path

from touchline_airflow.checkout import ROOT

TOUCHLINE = os.environ.get("TOUCHLINE_BIN") or ROOT / ".venv-worker" / "bin" / "touchline"


def simulate(folder: Path, seconds: int, seed: int) -> Path:
    """A simulated match."""
    subprocess.run([TOUCHLINE, "simulate", "--seconds", str(seconds), "--seed", str(seed), "--size", "320x180",
                    "--output", folder], check=True, stdout=subprocess.DEVNULL)
    return folder / "match.mp4"


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], check=True)


def put_copy(source: Path, target: Path) -> Path:
    """The same pictures under another fingerprint: bytes that nobody reads follow; it appears when it is whole."""
    box = secrets.token_bytes(16)
    partial = target.with_name(f"{target.name}.part")
    partial.write_bytes(source.read_bytes() + (8 + len(box)).to_bytes(4, "big") + b"free" + box)
    return partial.rename(target)


def frames(video: Path) -> str:
    """The digest of every decoded frame and of the sound."""
    return subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", video, "-f", "framemd5", "-"],
                          check=True, capture_output=True, text=True).stdout
