"""Is touchline held, by whom and why? One file below WORKING_DIR, which every machine reads.

It outlives restarts of everything, and each step looks at it by itself: nothing has to reach a machine that is away.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from touchline.domain.layout import hold_file
from touchline.results.files import write_text

Kind = Literal["pause", "halt", "cost"]
KINDS: tuple[Kind, ...] = ("pause", "halt", "cost")


@dataclass(frozen=True)
class Hold:
    """`pause` and `cost` let steps that run end, `halt` ends them; none of them lets anything new start."""

    kind: Kind
    who: str
    why: str
    since_ms: int

    @property
    def line(self) -> str:
        """"held (pause) by anna since 2026-01-31 20:15 UTC: the GPU is needed elsewhere"."""
        since = datetime.fromtimestamp(self.since_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
        return f"held ({self.kind}) by {self.who} since {since} UTC" + (f": {self.why}" if self.why else "")

    @property
    def age_sec(self) -> float:
        """How long it has held."""
        return max(0.0, time.time() - self.since_ms / 1000)


def hold(working_dir: Path) -> Hold | None:
    """The hold of this deployment, None where work goes on; a file that cannot be understood holds too.

    Raises:
        OSError: the folder is away.
    """
    path = hold_file(working_dir)
    try:
        return Hold(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        return Hold("pause", "somebody", f"{path} cannot be understood: `touchline-ops resume` removes it", 0)


def set_hold(working_dir: Path, kind: Kind, who: str, why: str) -> Hold | None:
    """Hold everything from now on; None where one as strong is there, and stays. Only a halt adds to a pause."""
    there = hold(working_dir)
    if there and (kind != "halt" or there.kind == "halt"):
        return None
    made = Hold(kind, who, " ".join(why.split()), time.time_ns() // 1_000_000)
    working_dir.mkdir(parents=True, exist_ok=True)
    write_text(hold_file(working_dir), json.dumps(asdict(made)))
    return made


def release(working_dir: Path) -> Hold | None:
    """Let everything go on; returns the hold that ended."""
    there = hold(working_dir)
    hold_file(working_dir).unlink(missing_ok=True)
    return there
