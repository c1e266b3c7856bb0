"""How does a task run a command of touchline on its machine itself, whatever the runtime? Not for untrusted media."""

from __future__ import annotations

import sys

from touchline_airflow.checkout import ROOT
from touchline_airflow.runtime.choice import step_environment
from touchline_airflow.runtime.process import StepProcess


def own_process(*arguments: str) -> StepProcess:
    """Start `touchline …` with the interpreter of Airflow; it ends with the thread that started it at the latest."""
    environ = {**step_environment(), "PYTHONPATH": str(ROOT / "include")}
    return StepProcess([sys.executable, "-m", "touchline.cli", *arguments], environ)
