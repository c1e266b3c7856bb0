"""What can a person do to touchline by hand? `touchline-ops`: parse, one command, exit code."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from touchline.errors import TouchlineError
from touchline_airflow.access.rest import ApiError
from touchline_airflow.commands import backup, hold, retention, upgrade


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; an error becomes one line on stderr and an exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except (TouchlineError, ApiError, OSError) as error:
        print(f"touchline-ops: {' '.join(str(error).split())}", file=sys.stderr)
        return getattr(error, "exit_code", 1)


def build_parser() -> argparse.ArgumentParser:
    """All commands with their arguments and help."""
    parser = argparse.ArgumentParser(
        prog="touchline-ops", description="Hold touchline, see how it is, back up, restore, upgrade.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (hold, backup, upgrade, retention):
        module.add_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
