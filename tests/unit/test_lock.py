"""Every package that pip installs is held to the SHA-256 of its file, and what we ask for is what is locked."""

from __future__ import annotations

import re
import subprocess
import warnings
from datetime import date, timedelta
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from touchline_deploy.build import lock
from touchline_deploy.build.install import ENVIRONMENTS, Environment

ROOT = Path(__file__).resolve().parents[2]

FILES = [name for environment in ENVIRONMENTS for name in environment.locks]
MARKER = r'( ; python_version [<=]+ "3\.1\d")?'
"""A marker of a whole Python, not of its patch release: the images' 3.11.2 takes what this machine's 3.11 downloads."""
ENTRY = re.compile(rf"[\w.-]+==(\d+!)?[\w.]+{MARKER}( \\\n    --hash=sha256:[0-9a-f]{{64}})+\n")
OLD = timedelta(days=365)


def text_of(name: str) -> str:
    return (ROOT / name).read_text()


@pytest.mark.parametrize("name", FILES)
def test_every_line_of_a_lock_file_is_one_version_with_hashes(name: str) -> None:
    heading, entries = re.match(r"((?:#.*\n)+)((?:.|\n)*)", text_of(name)).groups()  # type: ignore[union-attr]
    assert "Locked on " in heading
    assert ENTRY.sub("", entries) == "", "a version without a hash, a local build or no pin"
    names = [package for package, _, _ in lock.pins(entries)]
    assert names == sorted(set(names), key=str.lower) and len(names) > 5


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.name)
def test_what_we_ask_for_is_locked_and_in_no_file_twice(environment: Environment) -> None:
    work, tests = ({canonicalize_name(name): version for name, version, _ in lock.pins(text_of(file))}
                   for file in environment.locks)
    assert not work.keys() & tests.keys()
    for_work, for_tests = lock.wanted(environment)
    for line, locked in [*((line, work) for line in for_work), *((line, work | tests) for line in for_tests)]:
        asked = Requirement(line)
        if not lock.OF_TORCH.fullmatch(asked.name):
            assert locked[canonicalize_name(asked.name)] in asked.specifier, line


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.name)
def test_no_build_of_torch_is_locked(environment: Environment) -> None:
    names = [canonicalize_name(name) for file in environment.locks for name, _, _ in lock.pins(text_of(file))]
    assert not list(filter(lock.OF_TORCH.fullmatch, names))


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.name)
def test_every_package_finds_what_it_needs(environment: Environment) -> None:
    argv = [environment.python, "-m", "pip", "check"]
    told = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    alone = [name.lower() for name, _ in lock.pins_of(environment.without_dependencies)]
    assert not [line for line in told.splitlines()
                if line != "No broken requirements found." and line.split()[0].lower() not in alone]


@pytest.mark.parametrize(("filename", "is_ours"), [
    ("wrapt-2.5.2-cp311-cp311-manylinux_2_28_x86_64.whl", True), ("wrapt-2.5.2-py3-none-any.whl", True),
    ("wrapt-2.5.2-cp39-abi3-musllinux_1_2_aarch64.whl", True), ("wrapt-2.5.2-cp313-cp313-macosx_11_0_arm64.whl", True),
    ("wrapt-2.5.2-py2.py3-none-any.whl", True),
    ("wrapt-2.5.2.tar.gz", False), ("wrapt-2.5.2rc1-py3-none-any.whl", False), ("wrapt-2.5.20-py3-none-any.whl", False),
    ("wrapt-2.5.2-cp310-cp310-manylinux_2_28_x86_64.whl", False), ("wrapt-2.5.2-cp313-cp313t-linux_x86_64.whl", False),
    ("wrapt-2.5.2-cp314-abi3-manylinux_2_28_x86_64.whl", False), ("wrapt-2.5.2-cp311-cp311-win_amd64.whl", False),
    ("odd.whl", False),
])
def test_only_wheels_that_a_machine_of_ours_may_take_are_locked(filename: str, is_ours: bool) -> None:
    assert lock.is_ours(filename, "2.5.2") == is_ours


@pytest.mark.parametrize("name", FILES)
def test_nobody_has_to_lock_again_today(name: str) -> None:
    """A warning, not a failure: a change must not become red because a day has passed."""
    day = date.fromisoformat(re.search(r"^# Locked on (\S+)\.$", text_of(name), re.MULTILINE)[1])  # type: ignore[index]
    if date.today() - day > OLD:
        warnings.warn(f"{name} was locked on {day}: run `make lock UPGRADE=1`, then all tests", stacklevel=1)
