"""What does touchline do with one hostile file? Each case runs the real command line in a forked child of its own.

The parent has imported touchline once and forks for every command: what runs is `touchline.cli.main`, only the start of
the interpreter is saved. Everything below the case's folder is listed before and after.
"""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import touchline.steps.process  # noqa: F401 - what takes long to import is imported once, before all forks
from touchline import cli

LONGEST_S = 60.0
ALLOWED = (0, 1, 3)
LONGEST_LINE = 1500
_FOLDERS = {"NAS_MOUNT_PATH": "nas", "NAS_OUTPUT_PATH": "out", "WORKING_DIR": "work", "SCRATCH_DIR": "scratch"}


@dataclass(frozen=True)
class Ended:
    """How one command ended."""

    command: str
    exit_code: int
    stdout: str
    stderr: str
    seconds: float
    peak_mib: int


@dataclass
class CaseFolders:
    """The folders of one case, with neighbours that nobody may touch."""

    root: Path
    faults: list[str] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)

    @classmethod
    def build(cls, root: Path) -> CaseFolders:
        """A mount, an output with another match's folder, work and scratch of another match, a secret elsewhere."""
        for name in ("nas", "out/other-000000000000", "work/matches/other-000000000000",
                     "scratch/matches/other-000000000000", "elsewhere", "tmp", "home"):
            (root / name).mkdir(parents=True)
            (root / name / "secret.txt").write_text("nobody touches this")
        (root / "tmp" / "secret.txt").unlink()
        return cls(root)

    @property
    def mount(self) -> Path:
        """Where the recording lies."""
        return self.root / "nas"

    def touchline(self, *argv: str) -> Ended:
        """Run one command and judge how it ended."""
        ended = run(argv, self.root)
        self.ended.append(ended)
        self.faults += list(_faults(ended))
        return ended

    def judge(self, before: dict[str, str], match_id: str = "") -> None:
        """Nothing but the match's own folders is another than before, and nothing temporary is left."""
        after = listing(self.root)
        own = tuple(f"{place}/{match_id}{end}" for place in ("out", "work/matches", "scratch/matches")
                    for end in ("/", ".request.json")) if match_id else ()
        for path in sorted(before.keys() | after.keys()):
            if before.get(path) != after.get(path) and not path.startswith((*own, "scratch/libraries/")):
                self.faults.append(f"{path} was {'changed' if path in before and path in after else 'left or removed'}")
        self.faults += [f"{path} was left" for path in after if ".part" in path or path.startswith("tmp/")]


def listing(root: Path) -> dict[str, str]:
    """Every file below a folder with what tells a change: size, time, inode, content."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            status = path.lstat()
            content = ""
            if path.is_file() and not path.is_symlink() and status.st_size < 1 << 22:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path.relative_to(root))] = f"{status.st_size} {status.st_mtime_ns} {status.st_ino} {content}"
    return found


def run(argv: Sequence[str], root: Path) -> Ended:
    """One command in a child with an environment and folders of its own; ended after a minute."""
    started = time.monotonic()
    streams = [root / name for name in ("stdout", "stderr")]
    pid = os.fork()
    if pid == 0:
        _be(argv, root, streams)
    code, usage = _wait(pid)
    seconds = time.monotonic() - started
    stdout, stderr = (path.read_text(errors="replace") for path in streams)
    for path in streams:
        path.unlink()
    left = _end_group(pid)
    ended = Ended(" ".join(argv[:2]), code, stdout, stderr + ("\nprocesses were left" if left else ""), seconds,
                  usage.ru_maxrss >> 10)
    return ended


def _be(argv: Sequence[str], root: Path, streams: Sequence[Path]) -> None:
    code = 97
    try:
        os.setpgid(0, 0)
        os.chdir(root / "home")
        for number, path in enumerate(streams, start=1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        os.environ.update({name: str(root / folder) for name, folder in _FOLDERS.items()})
        os.environ.update({"TMPDIR": str(root / "tmp"), "HOME": str(root / "home"), "USE_GPU": "false"})
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
        code = cli.main(list(argv))
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 98
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _wait(pid: int) -> tuple[int, resource.struct_rusage]:
    deadline = time.monotonic() + LONGEST_S
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), usage
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
            _, status, usage = os.wait4(pid, 0)
            return -999, usage
        time.sleep(0.01)


def _end_group(pid: int) -> bool:
    """Whether something of the child's group still ran; it does not any more."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
        return True
    return False


def _faults(ended: Ended) -> Iterator[str]:
    if ended.exit_code == -999:
        yield f"{ended.command}: hung for {LONGEST_S:.0f} s"
        return
    if ended.exit_code not in ALLOWED:
        yield f"{ended.command}: exit code {ended.exit_code}: {ended.stderr[-400:]}"
    said = ended.stdout + ended.stderr
    if "Traceback" in said or "Error:" in ended.stderr:
        yield f"{ended.command}: traceback: {ended.stderr[-600:]}"
    if "processes were left" in ended.stderr:
        yield f"{ended.command}: processes were left"
    if ended.exit_code in (1, 3):
        last = (ended.stderr.strip().splitlines() or [""])[-1]
        if not last.startswith(f"touchline {ended.command.split()[0]}: ") or len(last) > LONGEST_LINE:
            yield f"{ended.command}: no line for a person: {last[:300]!r}"


def with_folders(folder: Path, name: str, work: Callable[[CaseFolders], None]) -> CaseFolders:
    """Make them, work in them, remove them."""
    root = folder / name
    folders = CaseFolders.build(root)
    try:
        work(folders)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    return folders
