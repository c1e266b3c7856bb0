"""Are there backups, is touchline held, and what did today cost? From the catalogue and WORKING_DIR."""

from __future__ import annotations

from touchline.catalogue import backups
from touchline.catalogue.connection import now_ms
from touchline.settings import Settings
from touchline_airflow.books.costs import cost_today
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.hold.hold import hold
from touchline_airflow.metrics.table import BACKUP_AGE, COST_LIMIT, COST_TODAY, PAUSED, RESTORE_AGE, RESTORE_OK

TRIAL_FAILED = "trial restore: "
"""How `keep_backups` begins the reason of a backup that could not be restored."""


def sample_backups(settings: Settings) -> None:
    """Age of the newest backup and of the last trial restore, and whether that went well; nothing before the first.

    What a clock that ran ahead dated in the future says nothing about an age, and does not count.
    """
    now = now_ms()
    whole = [row for row in backups.every(settings.catalogue_address) if row.status == "ok" and row.made_at_ms <= now]
    restored = max((row.restored_at_ms for row in whole if row.restored_at_ms and row.restored_at_ms <= now), default=0)
    failed = next((row for row in whole if (row.reason or "").startswith(TRIAL_FAILED)), None)
    if whole:
        BACKUP_AGE.set(_age_sec(whole[0].made_at_ms))
    if restored:
        RESTORE_AGE.set(_age_sec(restored))
    if restored or failed:
        RESTORE_OK.set(int(failed is None or failed.made_at_ms < restored))


def sample_hold(settings: Settings) -> None:
    """A file that cannot be understood holds as well."""
    held = True
    try:
        held = hold(settings.working_dir) is not None
    finally:
        PAUSED.set(int(held))


def sample_costs(settings: Settings, rates: DeploymentSettings) -> None:
    """What today cost, and the limits that are set."""
    COST_TODAY.set(round(cost_today(settings, rates).amount, 4))
    for limit, amount in (("match_warn", rates.cost_per_match_warn), ("match_stop", rates.cost_per_match_limit),
                          ("day_stop", rates.cost_per_day_limit)):
        if amount:
            COST_LIMIT.set(amount, limit=limit)


def _age_sec(at_ms: int) -> float:
    return round((now_ms() - at_ms) / 1000, 1)
