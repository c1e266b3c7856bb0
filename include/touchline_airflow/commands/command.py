"""How does a command come to `touchline-ops`?"""

from __future__ import annotations

import argparse
from collections.abc import Callable


def add_command(commands: argparse._SubParsersAction, name: str, text: str,
                run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    """A parser whose command calls `run`, which returns the exit code."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(run=run)
    return parser


def add_group(commands: argparse._SubParsersAction, name: str, text: str) -> argparse._SubParsersAction:
    """A command that has commands of its own."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    return parser.add_subparsers(dest="action", required=True, metavar="ACTION")
