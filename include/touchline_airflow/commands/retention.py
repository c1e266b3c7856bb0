"""What would the DAG `retention` remove on this host, by the settings of the environment? Removes nothing."""

from __future__ import annotations

import argparse

from touchline.errors import TouchlineError
from touchline.settings import Settings
from touchline_airflow.commands.command import add_command
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.upkeep.retention import describe, plan_results, plan_scratch, refuse_too_much


def add_commands(commands: argparse._SubParsersAction) -> None:
    """`retention`."""
    add_command(commands, "retention", "Show what the DAG retention would remove on this host; removes nothing.", run)


def run(_: argparse.Namespace) -> int:
    """Print the plan; 0, or 1 where the DAG would not remove it without being told to."""
    returncode = 0
    settings, deployment = Settings.from_env(), DeploymentSettings.from_env()
    for name, make_plan in (("WORKING_DIR and match folders", plan_results), ("SCRATCH_DIR", plan_scratch)):
        plan = make_plan(settings, deployment)
        print(f"{name}:", *describe(plan), sep="\n  ")
        try:
            refuse_too_much(plan, deployment.retention_most_percent)
        except TouchlineError as error:
            print(f"  {error}")
            returncode = 1
    return returncode
