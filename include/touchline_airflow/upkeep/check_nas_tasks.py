"""The task of `check_nas`."""

from __future__ import annotations

import logging
import os

from airflow.sdk import task

from touchline_airflow.failing import fail_with
from touchline_airflow.hosts import this_host
from touchline_airflow.runtime.own_process import own_process
from touchline_airflow.runtime.process import end_with_parent

log = logging.getLogger("airflow.task")


@task
def check_nas() -> None:
    """Run `touchline check-nas` on this machine itself, which sees its mounts, and keep the figures."""
    end_with_parent()
    finished = own_process("check-nas", "--save-for", this_host(os.environ)).follow(
        lambda line: (log.warning if line.startswith("warn") else log.info)("%s", line))
    if finished.failure:
        fail_with(log, finished.failure)
