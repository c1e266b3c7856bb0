"""How is the same done for many matches, so that one that goes wrong never stops the others?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from touchline.domain.text import shown
from touchline.errors import TouchlineError

Named = TypeVar("Named")


def one_by_one(names: Iterable[Named], work: Callable[[Named], None], say: Callable[[str], None]) -> list[Named]:
    """Do the work for each; returns those for which it raised anything: a line names it and says why.

    Nothing is swallowed: the caller fails at the end, and names them.
    """
    failed = []
    for name in names:
        try:
            work(name)
        except Exception as error:  # a database says no in a hundred ways
            kind = "" if isinstance(error, (TouchlineError, OSError)) else f"{type(error).__name__}: "
            say(shown(f"{name}: {kind}{error}"))
            failed.append(name)
    return failed
