"""Which files may pip install, and how is that list made again? `make lock`, or `make lock UPGRADE=1`.

`requirements.txt` and pyproject.toml say what we want. A lock file says what comes of it: each package in one version,
with the SHA-256 of every wheel of it that a machine of ours may take (CPython 3.11 to 3.13; Linux, macOS).
`lock-tests.txt` holds what only tests and builds need. Versions stay as they are unless what we want has changed, or
with --upgrade. A line with a marker is for another Python than this one, and stays. The index is that of pip.

torch is in no lock file: which build it is, and where it comes from, each machine chooses (docker/worker/torch.txt).
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import re
import ssl
import subprocess
import sys
import tempfile
import tomllib
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version
from pip._internal.models.index import PyPI

from touchline_airflow.checkout import ROOT
from touchline_deploy.build.install import ENVIRONMENTS, Environment

HEADING = "# {what}. Made by `make lock`; changes by hand are lost, but for lines with a marker.\n# Locked on {day}.\n"
PIN = re.compile(r"^([\w.-]+)==([^\s;]+)( ; [^\\\n]*[^\\\s])?(?: \\)?$", re.MULTILINE)
OF_TORCH = re.compile(r"torch|torchvision|triton|cuda-.*|nvidia-(?!ml-py).*")
INTERPRETERS = ("py3", "cp311", "cp312", "cp313")
OLDER_ABI3 = re.compile(r"cp3(\d|1[0-3])")
PLATFORMS = ("any", "linux", "manylinux", "musllinux", "macosx")
BREAK = "\\\n    "
AT_ONCE = 4


class LockError(Exception):
    """One line for a person: which package, and what is wrong with it."""


def main() -> int:
    """Write all lock files; 0 when every package was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upgrade", action="store_true", help="take the newest version of everything")
    arguments = parser.parse_args()
    try:
        for environment in ENVIRONMENTS:
            lock(environment, upgrade=arguments.upgrade)
    except (LockError, OSError) as error:
        print(f"lock: {error}", file=sys.stderr)
        return 1
    return 0


def lock(environment: Environment, *, upgrade: bool) -> None:
    """Write the two lock files of one environment."""
    files = [ROOT / name for name in environment.locks]
    before = {name: version for path in files for name, version, _ in pins(path.read_text())}
    work, everything = wanted(environment)
    print(f"lock: what {environment.purpose} needs", flush=True)
    whole = resolved(environment, [*work, *everything], {} if upgrade else before)
    needed = resolved(environment, work, whole)
    alone = dict(pins_of(environment.without_dependencies))
    write(files[0], f"What {environment.purpose} needs", needed | alone)
    write(files[1], f"What tests and builds of {environment.purpose} need beside lock.txt",
          {name: version for name, version in whole.items() if name not in needed})


def wanted(environment: Environment) -> tuple[list[str], list[str]]:
    """What is asked for by name: for the work, and for tests and builds."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, of_build = content["project"], content["build-system"]["requires"]
    extras = [one for name in environment.extra.split(",") for one in project["optional-dependencies"][name]]
    lines = [line for name in (environment.requirements, environment.unlocked) if name
             for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]
    return [*lines, *project["dependencies"]], [*extras, *of_build]


def resolved(environment: Environment, requirements: Sequence[str], kept: Mapping[str, str]) -> dict[str, str]:
    """Version by name of all that pip would install for these, torch's own packages left out.

    Raises:
        LockError: they do not go together; pip has said why.
    """
    with tempfile.TemporaryDirectory(prefix="touchline-lock-") as folder:
        constraints, report = Path(folder) / "kept.txt", Path(folder) / "report.json"
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in kept.items()))
        index = ["--extra-index-url", address] if (address := os.environ.get("TORCH_INDEX_URL")) else []
        argv = [str(environment.python), "-m", "pip", "install", "-qq", "--dry-run", "--ignore-installed",
                "--report", str(report), *index, "--constraint", str(constraints), *requirements]
        if subprocess.run(argv, check=False).returncode:
            raise LockError(f"pip cannot put {environment.name} together; its last lines above say why")
        chosen = [package["metadata"] for package in json.loads(report.read_text())["install"]]
    return {package["name"]: package["version"] for package in chosen
            if not OF_TORCH.fullmatch(canonicalize_name(package["name"]))}


def write(path: Path, what: str, versions: Mapping[str, str]) -> None:
    """Write one lock file; its day changes only if something else does."""
    before = path.read_text()
    for_others = {name: (version, marker) for name, version, marker in pins(before) if marker}
    lines = {name: (version, "") for name, version in versions.items()} | for_others
    names = sorted(lines, key=str.lower)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        hashes = pool.map(lambda name: fetch_hashes(name, lines[name][0]), names)
    body = "".join(f"{name}=={''.join(lines[name])}{''.join(f' {BREAK}--hash=sha256:{one}' for one in found)}\n"
                   for name, found in zip(names, hashes, strict=True))
    day = re.search(r"^# Locked on (\S+)\.$", before, re.MULTILINE)
    if not day or HEADING.format(what=what, day=day[1]) + body != before:
        path.write_text(HEADING.format(what=what, day=date.today()) + body)
    print(f"lock: {path.relative_to(ROOT)}: {'current' if path.read_text() == before else 'written'}", flush=True)


def pins(text: str) -> list[tuple[str, str, str]]:
    """Name, version and marker of each line of a lock file."""
    return PIN.findall(text)


def pins_of(name: str) -> list[tuple[str, str]]:
    """Name and version of the lines of a file in which all versions are exact; of no file none."""
    return [(package, version) for package, version, _ in pins((ROOT / name).read_text())] if name else []


# --- The index ------------------------------------------------------------------------------------------------------

def fetch_hashes(name: str, version: str) -> list[str]:
    """SHA-256 of each wheel of this version that may be installed here, sorted.

    Raises:
        LockError: the index does not have the package, or no wheel of it for us.
    """
    request = urllib.request.Request(f"{index_address()}/{canonicalize_name(name)}/",  # noqa: S310 - pip's own index
                                     headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    context = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or None)
    try:
        with urllib.request.urlopen(request, timeout=60, context=context) as answer:  # noqa: S310
            files: list[dict[str, Any]] = json.load(answer)["files"]
    except urllib.error.HTTPError as error:
        raise LockError(f"{name} is not in the index (status {error.code})") from None
    found = sorted(file["hashes"]["sha256"] for file in files if is_ours(file["filename"], version))
    if not found:
        raise LockError(f"{name}=={version}: the index has no wheel of it for CPython 3.11 to 3.13")
    return found


def is_ours(filename: str, version: str) -> bool:
    """Whether a file is a wheel of this version that one of our machines may take. Nothing is built from source."""
    if not filename.endswith(".whl"):
        return False
    try:
        _, of_wheel, _, tags = parse_wheel_filename(filename)
    except ValueError:
        return False
    return of_wheel == Version(version) and any(map(_fits, tags))


def _fits(tag: Tag) -> bool:
    is_old = tag.abi == "abi3" and bool(OLDER_ABI3.fullmatch(tag.interpreter))
    is_free_threaded = tag.abi.endswith("t")
    return (tag.interpreter in INTERPRETERS or is_old) and not is_free_threaded and tag.platform.startswith(PLATFORMS)


@functools.cache
def index_address() -> str:
    """The index of pip's own settings."""
    if address := os.environ.get("PIP_INDEX_URL"):
        return address.rstrip("/")
    told = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    found = re.search(r"^global\.index-url='(.+)'$", told.stdout, re.MULTILINE)
    return (found[1] if found else PyPI.simple_url).rstrip("/")


if __name__ == "__main__":
    sys.exit(main())
