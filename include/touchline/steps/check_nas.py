"""Is the NAS as touchline needs it: mounted, read-only and writable in the right places, with room, and quick?

Every question is asked by a child process with a time limit, so that a dead server is one line and not a hang.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from touchline.domain.layout import HOST_NAME, HostFiles
from touchline.errors import StorageError, TouchlineError, UsageError
from touchline.nas import probes as nas_probes
from touchline.nas.bounded import NoAnswerError, answer_within
from touchline.results.files import write_json
from touchline.results.folders import place_name
from touchline.settings import Settings
from touchline.storage import storage_error

OK, WARN, FAILED = "ok", "warn", "FAIL"
STILL_SEC = 60
"""A file that was written to more recently is not read: it may still be written."""
SLOW_WRITE_MB_S = 10
"""A reel has some 100 MB: ten seconds."""
SLOW_STAT_MS = 20
"""The watch looks at every recording every few seconds: at 250 recordings that is all it does."""
_MB = 1_000_000
_GB = 1_000_000_000
_MOUNT_TABLE = Path("/proc/self/mountinfo")
_HOW_TO = "docs/how-to/mount-the-nas.md"


@dataclass(frozen=True)
class Check:
    """What was found: `state` is "ok", "warn" or "FAIL", `text` is for a person, `figures` are for machines."""

    name: str
    state: str
    text: str
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """"ok   read        112 MB/s …"."""
        return f"{self.state:<4} {self.name:<11} {self.text}"


@dataclass(frozen=True)
class Limits:
    """What is too little, and how long a question may take."""

    min_free_gb: float
    read_mb_s: float
    timeout_sec: float


def check_nas(settings: Settings, limits: Limits, *, as_json: bool = False, save_for: str = "") -> None:
    """Print one line per check, or one object of JSON; `save_for` names the host whose figures are kept.

    Raises:
        UsageError: `save_for` cannot be the name of a host.
        TouchlineError: a check failed; the message is that of the first one.
    """
    if save_for and not HOST_NAME.fullmatch(save_for):
        raise UsageError(f"{save_for!r} is not a host name: use letters, digits, dots and hyphens")
    checks = []
    for check in run_checks(settings, limits):
        checks.append(check)
        if not as_json:
            print(check.line, flush=True)
    found = summary(checks)
    if as_json:
        print(json.dumps(found))
    if save_for:
        path = HostFiles(settings.working_dir, save_for).nas
        kept = {**found, "host": save_for, "measured_at_ms": round(time.time() * 1000)}
        answer_within(limits.timeout_sec, lambda: write_json(path, kept))
    failed = [check for check in checks if check.state == FAILED]
    if failed:
        raise TouchlineError(f"{failed[0].name}: {failed[0].text}")


def run_checks(settings: Settings, limits: Limits) -> Iterator[Check]:
    """All checks, one after another; a folder that cannot be used is not measured."""
    place = _Place(settings.nas_mount_path, settings, limits)
    usable = False
    for check in _look(place):
        usable = check.state != FAILED
        yield check
    if usable:
        yield from _reading(place, settings.nas_output_path)
    place = _Place(settings.nas_output_path, settings, limits)
    for check in _output(place):
        usable = check.state != FAILED
        yield check
    if usable:
        yield _writing(place)


def summary(checks: list[Check]) -> dict[str, Any]:
    """The checks as plain data, with the worst state and all figures in one place."""
    states = [check.state for check in checks]
    return {
        "state": next((state for state in (FAILED, WARN) if state in states), OK),
        "figures": {name: value for check in checks for name, value in check.figures.items()},
        "checks": [{"name": check.name, "state": check.state, "text": check.text} for check in checks],
    }


@dataclass(frozen=True)
class _Place:
    """One of the two folders."""

    folder: Path
    settings: Settings
    limits: Limits

    @property
    def name(self) -> str:
        return place_name(self.folder, self.settings)

    def ask(self, question: Callable[[], Any], longer_sec: float = 0) -> Any:
        return answer_within(self.limits.timeout_sec + longer_sec, question)

    def server(self) -> str:
        """Whether the server answers by itself, where NAS_HOST names it: "; nas.club (NAS_HOST) does not answer"."""
        host = self.settings.nas_host
        if not host:
            return ""
        try:
            port = answer_within(self.limits.timeout_sec, lambda: nas_probes.open_port(host))
        except _FAILURES:
            port = None
        answers = f"answers on port {port}" if port else "answers neither to NFS nor to SMB: look at it and the network"
        return f"; NAS_HOST={host} {answers}"

    def failed(self, check: str, error: Exception, *, writes: bool = False) -> Check:
        """The line for what went wrong."""
        if isinstance(error, NoAnswerError):
            return Check(check, FAILED, f"{self.name} {error}: its server or the way to it is away; look at both, or "
                         f"unmount it with umount -f -l and mount it again{self.server()}")
        if isinstance(error, OSError):
            error = storage_error(error.errno or 0, Path(error.filename or self.folder), writes=writes)
        if isinstance(error, StorageError):
            reason = f" ({error.reason})" if error.reason else ""
            return Check(check, FAILED, f"{self.name} {error.state}{reason}; {error.advice}")
        return Check(check, FAILED, f"{self.name} cannot be checked: {error}")


_FAILURES = (OSError, TouchlineError)


def _look(place: _Place) -> Iterator[Check]:
    """Mounted, readable, and read-only as it should be."""
    try:
        found = place.ask(lambda: nas_probes.look_into(place.folder))
    except (FileNotFoundError, NotADirectoryError):
        yield Check("mounted", FAILED, f"{place.name} is not there; mount the NAS there: {_HOW_TO}"
                    f"{place.server()}")
        return
    except _FAILURES as error:
        yield place.failed("mounted", error)
        return
    mount = nas_probes.mount_of(found["real"], _MOUNT_TABLE.read_text())
    if mount.point == "/" and found["empty"]:
        yield Check("mounted", FAILED, f"{place.name} is an empty folder of the root file system; mount the NAS there: "
                    f"{_HOW_TO}{place.server()}")
        return
    yield _mounted(place, mount)
    if found["writable"] and not mount.read_only:
        yield Check("recordings", WARN, f"{place.name} can be read, and written as well; mount it with ro, so that "
                    "nothing of ours can harm a recording")
    else:
        yield Check("recordings", OK, f"{place.name} can be read, and not written")


def _mounted(place: _Place, mount: nas_probes.Mount) -> Check:
    if mount.point == "/":
        return Check("mounted", WARN, f"{place.name} lies on the root file system; if a NAS belongs there, it is not "
                     f"mounted: {_HOW_TO}")
    return Check("mounted", OK, f"{place.name} lies on {mount.source} ({mount.kind}), mounted on {mount.point}")


def _reading(place: _Place, output: Path) -> Iterator[Check]:
    try:
        still_sec = max(STILL_SEC, place.settings.watch_stable_time_sec)
        files = place.ask(lambda: nas_probes.find_files(place.folder, output, still_sec), nas_probes.LONGEST_SEC)
        yield _latency(place, [Path(path) for path in files["some"]] or [place.folder])
        if files["largest"]:
            yield _read_rate(place, Path(files["largest"]))
        else:
            yield Check("read", OK, f"not measured: {place.name} holds no file of {nas_probes.LEAST_BYTES >> 20} MiB "
                        f"that stood still for {still_sec} s")
    except _FAILURES as error:
        yield place.failed("read", error)


def _latency(place: _Place, paths: list[Path]) -> Check:
    found = place.ask(lambda: nas_probes.latency(paths), nas_probes.LONGEST_SEC)
    text = (f"stat {found['stat']:.1f} ms (worst {found['stat_worst']:.1f}), open {found['open']:.1f} ms (worst "
            f"{found['open_worst']:.1f}); median of {len(paths)}")
    figures = {f"{name}_ms": round(value, 3) for name, value in found.items()}
    if found["stat"] > SLOW_STAT_MS:
        return Check("latency", WARN, f"{text}; more than {SLOW_STAT_MS} ms makes the watch slow: look at the network, "
                     "and at actimeo", figures)
    return Check("latency", OK, text, figures)


def _read_rate(place: _Place, path: Path) -> Check:
    found = place.ask(lambda: nas_probes.read_rate(path), nas_probes.LONGEST_SEC)
    rate, text = _rate(found, f"read from {path.name}")
    figures = {"read_mb_s": rate}
    if rate < place.limits.read_mb_s:
        return Check("read", WARN, f"{text}; below PREFETCH_BELOW_MB_S={place.limits.read_mb_s:.0f}: recordings are "
                     "copied to SCRATCH_DIR; look at the network and at rsize", figures)
    return Check("read", OK, text, figures)


def _output(place: _Place) -> Iterator[Check]:
    """Publishable, mounted, and with space."""
    try:
        took_sec = place.ask(lambda: nas_probes.publish_something(place.folder))
        found = place.ask(lambda: nas_probes.look_into(place.folder))
        space = place.ask(lambda: nas_probes.space_of(place.folder))
    except _FAILURES as error:
        yield place.failed("output", error, writes=True)
        return
    mount = nas_probes.mount_of(found["real"], _MOUNT_TABLE.read_text())
    text = f"{place.name} took a file: written, flushed, renamed and removed in {took_sec * 1000:.0f} ms"
    yield Check("output", OK, text, {"publish_ms": round(took_sec * 1000, 3)})
    if mount.point == "/":
        yield _mounted(place, mount)
    yield _space(place, space)


def _space(place: _Place, space: dict[str, int]) -> Check:
    free_gb = space["free"] / _GB
    figures = {"free_gb": round(free_gb, 3)}
    if space["free"] < nas_probes.LEAST_BYTES or not space["files"]:
        what = f"{space['free'] / _MB:.0f} MB free" if space["files"] else "no more files fit"
        return Check("space", FAILED, f"{place.name} is full: {what}; free some space", figures)
    if free_gb < place.limits.min_free_gb:
        return Check("space", WARN, f"{place.name} has {free_gb:.1f} GB free, less than "
                     f"{place.limits.min_free_gb:g} GB; free some space (--min-free, NAS_MIN_FREE_GB)", figures)
    return Check("space", OK, f"{place.name} has {free_gb:.0f} GB free", figures)


def _writing(place: _Place) -> Check:
    name = nas_probes.probe_file_name()
    try:
        found = place.ask(lambda: nas_probes.write_rate(place.folder, name), nas_probes.LONGEST_SEC)
    except _FAILURES as error:
        return place.failed("write", error, writes=True)
    finally:
        _remove(place, place.folder / name)
    if not found["bytes"]:
        return Check("write", OK, f"not measured: {place.name} has too little space for it")
    rate, text = _rate(found, "written")
    if rate < SLOW_WRITE_MB_S:
        return Check("write", WARN, f"{text}; below {SLOW_WRITE_MB_S} MB/s publishing takes long: look at the network",
                     {"write_mb_s": rate})
    return Check("write", OK, text, {"write_mb_s": rate})


def _remove(place: _Place, path: Path) -> None:
    """The child removes its file unless it was killed."""
    try:
        place.ask(lambda: path.unlink(missing_ok=True))
    except _FAILURES as error:
        print(f"{path} could not be removed: {error}; the next check does", file=sys.stderr)


def _rate(found: dict[str, float], done: str) -> tuple[float, str]:
    rate = found["bytes"] / found["seconds"] / _MB
    return round(rate, 1), f"{rate:.1f} MB/s ({found['bytes'] / _MB:.0f} MB {done} in {found['seconds']:.1f} s)"
