"""Which settings does the Airflow side have? Those of the steps are in `touchline.settings`."""
# ruff: noqa: RUF009 - `setting` declares a dataclass field

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from touchline import __version__
from touchline.errors import SettingError
from touchline.settings import FromEnvironment, setting

ROOT_STANDS_FOR = "10001:10001"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DeploymentSettings(FromEnvironment):
    """All settings of the Airflow side."""

    touchline_runtime: str = setting(
        "auto", "How steps run. auto is decided when the deployment starts: docker where an engine has the image.",
        choices=("auto", "docker", "process"),
    )
    allowed_hosts: str = setting(
        "", "Further names under which people ask for Airflow (airflow.club.example,10.0.0.5); any other is refused."
    )
    touchline_worker_image: str = setting(f"touchline-worker:{__version__}", "Image in which the steps run.")
    container_user: str = setting(
        "", f"uid:gid of the steps; empty: that of Airflow's tasks, or {ROOT_STANDS_FOR} where these run as root."
    )
    container_memory_mib: int = setting(8192, "Most memory of one step, in MiB.", low=512, high=1 << 20)
    container_pids: int = setting(512, "Most processes and threads of one step.", low=64, high=32_768)
    container_tmp_mib: int = setting(512, "Size of a step's /tmp, in MiB of memory.", low=16, high=65_536)
    gpu_slots_per_chunk: int = setting(
        0, "Slots of the pool gpu for one chunk; 0: one on a GPU with models of up to 400 MB, else two.", low=0, high=16
    )
    step_silent_sec: int = setting(
        1800, "A step that says nothing for this long is ended and tried again, in seconds; 0: never.", low=0,
        high=86_400
    )
    tidy_every_sec: int = setting(300, "How often the DAG tidy runs, in seconds.", low=10, high=86_400)
    working_budget_gb: float = setting(
        0.0, "Most that WORKING_DIR may hold, in GB; 0: what its disk has.", low=0, high=1_000_000
    )
    scratch_budget_gb: float = setting(
        0.0, "Most that SCRATCH_DIR of one host may hold, in GB; 0: what its disk has.", low=0, high=1_000_000
    )
    min_free_gb: float = setting(
        1.0, "Stays free on the disks of WORKING_DIR and SCRATCH_DIR, in GB: work that needs it waits.",
        low=0, high=1_000_000,
    )
    retention_days: int = setting(
        30, "Results that can be computed again stay this long after the last run of their match, in days.",
        low=1, high=36_500,
    )
    retention_most_percent: float = setting(
        50.0, "The DAG retention removes nothing where more than this share would go, in percent.", low=0, high=100
    )
    airflow_keep_days: int = setting(
        90, "Ended runs and their tasks stay this long in Airflow's database and in the catalogue, in days.",
        low=2, high=36_500,
    )
    cost_per_gpu_hour: float = setting(
        0.0, "What an hour of chunk work costs: of a GPU, or of the CPU in its place.", low=0, high=1_000_000
    )
    cost_per_cpu_hour: float = setting(
        0.0, "What an hour of any other step costs.", low=0, high=1_000_000
    )
    currency: str = setting("EUR", "In which currency the rates and limits are.")
    cost_per_match_warn: float = setting(
        0.0, "An alert tells of a match that cost more; 0: none.", low=0, high=1_000_000_000
    )
    cost_per_match_limit: float = setting(
        0.0, "touchline holds when a run of a match cost more; 0: it never does.", low=0, high=1_000_000_000
    )
    cost_per_day_limit: float = setting(
        0.0, "touchline holds when a day (UTC) cost more; 0: it never does.", low=0, high=1_000_000_000
    )
    backup_dir: Path = setting(
        Path("/var/lib/touchline/backups"), "Folder of the backups, on another disk than what is backed up; must exist."
    )
    backup_secrets: str = setting(
        "", "File or folder with Airflow's keys, taken into each backup; empty: keep them elsewhere."
    )
    mail_operator: str = setting("", "Who gets alarms and the summary: mail addresses with commas; empty: nobody.")
    mail_coach: str = setting("", "Who gets the morning's reels: mail addresses with commas; empty: nobody.")
    fold_alarms_min: int = setting(
        60, "The same alarm is mailed again after this time at the earliest, in minutes.", low=0, high=10_080
    )
    reels_url: str = setting(
        "", "Address of NAS_OUTPUT_PATH for people, for the links in mails (https://…, file://…); empty: the path."
    )
    timezone: str = setting("UTC", "Time zone of the people here, such as Europe/Vienna: for the night and for mails.")
    summary_at: str = setting("07:00", "When the morning's summary is mailed, hours:minutes in TIMEZONE.")
    backfill_done_by: str = setting("06:00", "When nightly_backfill is late, hours:minutes in TIMEZONE.")
    working_day_begins: str = setting(
        "05:00", "From then on a scheduled nightly_backfill starts no further match, hours:minutes in TIMEZONE."
    )
    backfill_gpu_hours: float = setting(
        8.0, "A scheduled nightly_backfill starts no further match once the night took these GPU hours; 0: no limit.",
        low=0, high=100_000,
    )
    backfill_outdated: str = setting(
        "false", "Whether nightly_backfill also makes again what older models or settings made.",
        choices=("true", "false"),
    )
    match_late_factor: float = setting(
        3.0, "A match is late after this many times what its length normally takes.", low=0, high=1000
    )
    match_late_min: float = setting(
        30.0, "A match is late after this many minutes at the earliest.", low=0, high=10_080
    )
    recording_late_min: float = setting(
        45.0, "A recording that stands still this long and is not taken is late, and so is the ingest; in minutes.",
        low=0, high=10_080,
    )

    @property
    def user(self) -> str:
        """uid:gid of the steps, never root.

        Raises:
            SettingError: CONTAINER_USER is root, or not a pair of numbers.
        """
        if not self.container_user:
            return f"{os.getuid()}:{os.getgid()}" if os.getuid() else ROOT_STANDS_FOR
        if not re.fullmatch(r"[1-9][0-9]{0,9}:[0-9]{1,10}", self.container_user):
            raise SettingError(f"CONTAINER_USER={self.container_user!r} is not the uid:gid of a plain user: "
                               "write 1000:1000")
        return self.container_user

    @property
    def host_names(self) -> list[str]:
        """ALLOWED_HOSTS.

        Raises:
            SettingError: one of them is not a name or an address alone.
        """
        names = [name.strip() for name in self.allowed_hosts.split(",") if name.strip()]
        for name in names:
            if not re.fullmatch(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]", name):
                raise SettingError(f"ALLOWED_HOSTS: {name!r} is not a host name: write airflow.club.example, without "
                                   "http:// and without a port")
        return names

    @property
    def zone(self) -> ZoneInfo:
        """TIMEZONE.

        Raises:
            SettingError: there is no zone of this name.
        """
        try:
            return ZoneInfo(self.timezone)
        except (KeyError, OSError, ValueError):
            raise SettingError(f"TIMEZONE={self.timezone!r} is not known: write Europe/Vienna") from None

    def clock(self, name: str) -> time:
        """A time of the day: `clock("summary_at")` is SUMMARY_AT.

        Raises:
            SettingError: it is not a time.
        """
        value = getattr(self, name)
        try:
            return datetime.strptime(value, "%H:%M").time()
        except ValueError:
            raise SettingError(f"{name.upper()}={value!r} is not a time of the day: write 07:00") from None


def while_parsing(name: str, environ: Mapping[str, str]) -> Any:
    """One setting of the Airflow side for a DAG file: a value that cannot be used counts as unset, with a warning.

    A DAG that is gone because of a typing error would be worse.
    """
    variable = name.upper()
    try:
        return getattr(DeploymentSettings.from_env({variable: environ.get(variable, "")}), name)
    except SettingError as error:
        log.warning("%s; the default is taken", error)
        return getattr(DeploymentSettings, name)
