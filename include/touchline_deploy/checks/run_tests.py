"""Do the tests pass, in both virtual environments?

What imports Airflow runs in `.venv/`, everything else in `.venv-worker/`; the catalogue and the generated pages are
tested in both, because both sides use them. Files that share nothing run at the same time, one on each core; what
starts an Airflow or containers runs alone. `--verify` runs the long checks that are left out otherwise. Tests that need
a Docker engine are skipped where none answers, and the summary says so.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from touchline.lifeline import orderly_end
from touchline_airflow.checkout import ROOT
from touchline_deploy.build.engine import HOW_TO_RUN as ENGINE
from touchline_deploy.checks.verify_pieces import PIECES, Piece

AIRFLOW_ALONE = ("tests/engine", "tests/integration/airflow", "tests/verify")
AIRFLOW_SHARED = ("tests/dags", "tests/monitoring", "tests/unit/airflow")
BOTH = ("tests/unit/catalogue", "tests/unit/test_generated_docs.py", "tests/unit/test_import_rule.py")
NEED_AN_ENGINE = ("tests.engine", "tests.stack")
MOST_AT_ONCE = 4
NO_TESTS = 5
NEEDS_LONGEST_S = 600
ENDS_WITHIN_S = 120
HOW_TO_RUN_THEM = f"to run them, as root: {ENGINE} run -- make images test"


@dataclass(frozen=True)
class Suite:
    """Tests of one virtual environment."""

    name: str
    python: str
    paths: tuple[str, ...]
    ignored: tuple[str, ...] = ()
    is_alone: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a suite gave."""

    name: str
    returncode: int
    line: str
    without_engine: int = 0


def main() -> int:
    """Run all suites, even if one fails; 0 only when all passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--verify", action="store_true", help="the long checks only")
    parser.add_argument("--piece", default="", metavar="NAME", help="of the long checks only these; `list` names them")
    parser.add_argument("rest", nargs="*", help="more options for pytest, after --")
    arguments = parser.parse_args()
    if arguments.piece and arguments.piece not in PIECES:
        print("\n".join(f"{name:18} {piece.purpose}" for name, piece in PIECES.items()))
        return int(arguments.piece != "list")
    started = time.monotonic()
    chosen = [suite_of(PIECES[arguments.piece])] if arguments.piece else suites()
    rest = [*(["-k", PIECES[arguments.piece].only] if arguments.piece and PIECES[arguments.piece].only else []),
            *arguments.rest]
    outcomes = [run_suite(suite, verify=arguments.verify, rest=rest) for suite in chosen]
    print(f"\n{'the long checks' if arguments.verify else 'the tests'}, {time.monotonic() - started:.0f} s in all:")
    for outcome in outcomes:
        print(f"  {'ok    ' if outcome.returncode == 0 else 'FAILED'}  {outcome.name}: {outcome.line}")
        if outcome.without_engine:
            print(f"  SKIPPED {outcome.without_engine} tests of containers, for want of a Docker engine or its images; "
                  + HOW_TO_RUN_THEM)
    return int(any(outcome.returncode for outcome in outcomes))


def suites() -> tuple[Suite, ...]:
    """Those of the worker's environment, then those of Airflow's; folders that are not there are left out."""
    airflow = ".venv/bin/python"
    return (Suite("touchline (.venv-worker)", ".venv-worker/bin/python", ("tests",), (*AIRFLOW_SHARED, *AIRFLOW_ALONE)),
            Suite("the Airflow side (.venv)", airflow, _there(*AIRFLOW_SHARED, *BOTH)),
            Suite("a running Airflow, and containers (.venv)", airflow, _there(*AIRFLOW_ALONE), is_alone=True))


def suite_of(piece: Piece) -> Suite:
    """A piece of the long checks, in the environment that its files need."""
    is_airflows = piece.paths[0].startswith(AIRFLOW_ALONE)
    return Suite(piece.purpose, f"{'.venv' if is_airflows else '.venv-worker'}/bin/python", piece.paths, is_alone=True)


def _there(*paths: str) -> tuple[str, ...]:
    return tuple(path for path in paths if (ROOT / path).exists())


def run_suite(suite: Suite, *, verify: bool, rest: list[str]) -> Outcome:
    """Run one suite; no tests at all is a failure, but for the long checks."""
    print(f"\n=== {suite.name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        argv = [str(ROOT / suite.python), "-m", "pytest", "-q", f"--junitxml={report}", *suite.paths,
                *(f"--ignore={path}" for path in suite.ignored), "-m", "verify" if verify else "not verify", *rest]
        if not verify:
            argv.append(f"--timeout={NEEDS_LONGEST_S}")
        if not verify and not suite.is_alone:
            argv += [f"--numprocesses={min(os.cpu_count() or 1, MOST_AT_ONCE)}", "--dist=loadfile"]
        returncode = _run(argv)
        line, without_engine = summary(report), skipped_engine_tests(report)
    if returncode == NO_TESTS and verify:
        returncode, line = 0, "nothing to check"
    return Outcome(suite.name, returncode, line, without_engine)


def _run(argv: list[str]) -> int:
    """Run pytest to its end, also when we are told to end: it stops the engines and servers that tests started.

    With Ctrl-C it was told so as well.
    """
    with orderly_end(), subprocess.Popen(argv, cwd=ROOT) as process:
        try:
            return process.wait()
        except (KeyboardInterrupt, SystemExit) as told:
            if isinstance(told, SystemExit):
                process.terminate()
            process.wait(ENDS_WITHIN_S)
            raise


def summary(report: Path) -> str:
    """"120 passed, 3 skipped, 0 failed in 45 s", from a JUnit report."""
    if not report.exists():
        return "pytest did not come to its end"
    counts = {"tests": 0, "skipped": 0, "failures": 0, "errors": 0}
    seconds = 0.0
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):  # noqa: S314 - pytest has just written it
        for key in counts:
            counts[key] += int(suite.get(key, "0"))
        seconds += float(suite.get("time", "0"))
    failed = counts["failures"] + counts["errors"]
    passed = counts["tests"] - failed - counts["skipped"]
    return f"{passed} passed, {counts['skipped']} skipped, {failed} failed in {seconds:.0f} s"


def skipped_engine_tests(report: Path) -> int:
    """How many tests that need an engine were skipped, from a JUnit report."""
    if not report.exists():
        return 0
    cases = ElementTree.parse(report).getroot().iter("testcase")  # noqa: S314 - pytest has just written it
    return sum(case.get("classname", "").startswith(NEED_AN_ENGINE) and case.find("skipped") is not None
               for case in cases)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("the tests were interrupted")
