"""Is a text from outside harmless, and how is it shown? Such texts are file names, sidecars and what a step says."""

from __future__ import annotations

import unicodedata

MOST_OF_A_REASON = 2000
"""Characters of a reason: a line for a person, with the last words of ffmpeg where they say more."""
MOST_OF_A_TITLE = 200
"""Characters of a title or a team in a sidecar; no headline is longer."""
MOST_OF_A_NAME = 200
"""Characters of a file's name in a list of tasks: Airflow's database holds 250 with what comes before it."""

_UNSEEN = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""The controls of writing direction: they let a name end in another suffix than it shows."""
_CONTROLS = frozenset(("Cc", "Zl", "Zp", "Cs"))
"""Unicode's categories: control characters with newline and NUL, separators of lines, halves of surrogate pairs."""


def control_in(text: str) -> str | None:
    """The first character that no name and no title may hold, as "U+0000"; None where there is none."""
    found = next((character for character in text if _is_control(character)), None)
    return f"U+{ord(found):04X}" if found else None


def shown(text: str, most: int = MOST_OF_A_REASON) -> str:
    r"""The text as one line of at most this many characters, harmless for a log, a page, a mail and a database.

    White space becomes single spaces, any other control character "�", and the controls of writing direction go:
    "Reds\u0000\n\u202eBlues" → "Reds� Blues". What is left out at the end shows as "…". Shown again it stays as it is.
    """
    line = " ".join("".join(map(_seen, text)).split())
    return line if len(line) <= most else f"{line[:most - 1].rstrip()}…"


def _seen(character: str) -> str:
    if character in _UNSEEN:
        return ""
    return "\ufffd" if _is_control(character) and not character.isspace() else character


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in _CONTROLS
