"""How many tasks may one list become? Airflow refuses a list that is too long: the rest waits for the next run."""

from __future__ import annotations

from airflow.sdk.configuration import conf

LOT = 100
"""The first match of a first start on an archive begins when this many recordings were checked, not all of them."""
LONGEST_LIST = 1024
"""As Airflow has it where `core.max_map_length` is not set."""


def most_at_once() -> int:
    """The most that is handed to mapped tasks in one run."""
    return min(LOT, longest_list())


def longest_list() -> int:
    """The most that Airflow makes mapped tasks of (`core.max_map_length`)."""
    return conf.getint("core", "max_map_length", fallback=LONGEST_LIST)
