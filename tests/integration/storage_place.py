"""A match with small disks and mounts around it, for the tests of the storage; takes root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.footage import TOUCHLINE
from support.mounts import mount

CHUNK = "chunk-0000"
RESULTS = {"probe": "probe.json", "scan": "scan.json", "spot-chunk": f"spottings/{CHUNK}.json",
           "merge-actions": "actions.json", "render-reel": "reels/highlights.json", "publish": "published.json"}
PARTS = {"spot-chunk": [CHUNK], "render-reel": ["highlights"]}

Command = subprocess.CompletedProcess[str]


@dataclass
class Place:
    """One match with fixed paths: results name the absolute path of the recording."""

    root: Path
    match_id: str = ""

    def __getattr__(self, name: str) -> Path:  # nas, source, work, scratch, output
        return self.root / name

    @property
    def files(self) -> Path:
        return self.root / "work" / "matches" / self.match_id

    def start(self, step: str, *arguments: str | Path, through: Sequence[str] = ()) -> subprocess.Popen[str]:
        environ = {**os.environ, "NAS_MOUNT_PATH": str(self.nas), "NAS_OUTPUT_PATH": str(self.output),
                   "WORKING_DIR": str(self.work), "SCRATCH_DIR": str(self.scratch), "CHUNK_DURATION_SEC": "20",
                   "MIN_EVENT_CONFIDENCE": "0.3", "USE_GPU": "false"}
        arguments = arguments or (self.match_id, *PARTS.get(step, ()))
        return subprocess.Popen([*through, TOUCHLINE, step, *arguments], env=environ, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def run(self, step: str, *arguments: str | Path, through: Sequence[str] = ()) -> Command:
        return ended(self.start(step, *arguments, through=through))

    def run_disturbed(self, step: str, disturb: Callable[[], object], *arguments: str | Path) -> Command:
        """Stop the step when its first child works, disturb it, let both go on."""
        process = self.start(step, *arguments)
        child = first_child(process)
        for pid in (process.pid, child):
            os.kill(pid, signal.SIGSTOP)
        disturb()
        for pid in (child, process.pid):
            os.kill(pid, signal.SIGCONT)
        return ended(process)

    def undo(self, step: str) -> None:
        """As it was before the step."""
        result = self.files / RESULTS[step]
        for path in (*result.parent.glob(f"{result.stem}.*"),):
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def made(self, step: str) -> dict[str, bytes]:
        """All files that the step made, but for its measurements."""
        result = self.files / RESULTS[step]
        found = [*result.parent.glob(f"{result.stem}.*"), *(self.output.rglob("*") if step == "publish" else ())]
        found += [inner for path in found if path.is_dir() for inner in path.iterdir()]
        return {str(path.relative_to(self.root)): path.read_bytes() for path in found
                if path.is_file() and not path.name.endswith(".stats.json")}

    def left_over(self) -> list[Path]:
        found = [path for root in (self.work, self.scratch, self.output) for path in root.rglob("*")]
        return [path for path in found if ".part" in path.name
                or (path.name.startswith((".concat", "join-")) and path.suffix != ".lock")]


def ended(process: subprocess.Popen[str]) -> Command:
    stdout, stderr = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def first_child(process: subprocess.Popen[str]) -> int:
    while process.poll() is None:
        children = Path(f"/proc/{process.pid}/task").glob("*/children")
        for child in " ".join(path.read_text() for path in children).split():
            if Path(f"/proc/{child}/comm").read_text().startswith("ff"):
                return int(child)
        time.sleep(0.002)
    raise AssertionError(f"the step ended before it was disturbed: {process.communicate()}")


def put_on_disk(folder: Path, size: str, *options: str) -> None:
    """Move the folder's content to a disk of its own (a tmpfs)."""
    held = folder.with_name(f"{folder.name}.held")
    shutil.copytree(folder, held)
    mount("-t", "tmpfs", "-o", ",".join((f"size={size}", *options)), "none", folder)
    shutil.copytree(held, folder, dirs_exist_ok=True)
    shutil.rmtree(held)
