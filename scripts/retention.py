"""What would the DAG `retention` remove on this host, by the settings of the environment? Removes nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "include"))

from touchline.errors import TouchlineError  # noqa: E402
from touchline.settings import Settings  # noqa: E402
from touchline_airflow.deployment import DeploymentSettings  # noqa: E402
from touchline_airflow.upkeep.retention import describe, plan_results, plan_scratch, refuse_too_much  # noqa: E402


def main() -> int:
    """Print the plan; 0, or 1 where the DAG would not remove it without being told to."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    returncode = 0
    try:
        settings, deployment = Settings.from_env(), DeploymentSettings.from_env()
        for name, make_plan in (("WORKING_DIR and match folders", plan_results), ("SCRATCH_DIR", plan_scratch)):
            plan = make_plan(settings, deployment)
            print(f"{name}:", *describe(plan), sep="\n  ")
            try:
                refuse_too_much(plan, deployment.retention_most_percent)
            except TouchlineError as error:
                print(f"  {error}")
                returncode = 1
    except (TouchlineError, OSError) as error:
        print(f"retention: {error}", file=sys.stderr)
        return 1
    return returncode


if __name__ == "__main__":
    sys.exit(main())
