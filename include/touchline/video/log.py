"""Which words on stderr are ffmpeg's own, and what do they say?

A recording's name and tags are texts of whoever made it, and may read like an error of ours. So none of them is
printed: the child reads the recording under a neutral name (see `child.py`), at a level at which no tag is written, and
frame times come through a pipe of their own.
"""

from __future__ import annotations

import re

LOG_LEVEL = "level+error"
"""Each line names its level, and nothing below an error is written: tags are dumped at "info"."""

NEUTRAL_NAME = "input"
"""What a file that a child reads is called in its log."""

_CONTEXT = re.compile(r"^(?P<context>\[[^\]]* @ 0x[0-9a-f]+\] )?\[(?:error|fatal|panic)\] ")


def message(line: str) -> str | None:
    """What an error line says, without context and level: "[h264 @ 0x1] [error] no frame!" → "no frame!"."""
    found = _CONTEXT.match(line)
    return line[found.end() :] if found else None


def programs_message(line: str) -> str | None:
    """The same for a line of the program itself; None for one of a demuxer, a decoder or a filter.

    Only the program tells that a file could not be read or written; the others speak of what they found in it.
    """
    found = _CONTEXT.match(line)
    return line[found.end() :] if found and not found["context"] else None


def last_message(last_lines: str) -> str:
    """What the last line of a `CommandError` says, the neutral name of the file apart."""
    line = last_lines.rpartition(" | ")[2]
    return (message(line) or line).removeprefix(f"{NEUTRAL_NAME}: ").strip() or "no reason was given"
