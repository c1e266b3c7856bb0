"""Runs the processes of the full stack, as its containers' restart policies would; started by full_stack.py.

`STATE/plan.json` says what: {"url", "environ", "before": [argv], "parts": {name: {"argv", "environ", "grace_sec"}}}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from touchline_deploy.embedded.processes import Command
from touchline_deploy.embedded.supervisor import Supervisor


@dataclass
class StackSupervisor(Supervisor):
    """The embedded Airflow's supervisor, with other parts."""

    plan: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where UI and API are."""
        return str(self.plan["url"])

    def _prepare(self) -> None:
        self.plan = json.loads((self.state / "plan.json").read_text())
        self.home.mkdir(parents=True, exist_ok=True)
        self._environ = self.plan["environ"]

    def _make_database(self) -> bool:
        return all(self._run_to_end(argv) for argv in self.plan["before"])

    def _commands(self) -> Mapping[str, Command]:
        return {name: Command(part["argv"], {**self._environ, **part["environ"]}, part["grace_sec"])
                for name, part in self.plan["parts"].items()}


if __name__ == "__main__":
    state = Path(sys.argv[1])
    sys.exit(StackSupervisor(state, state, state, 0, quiet=True).run())
