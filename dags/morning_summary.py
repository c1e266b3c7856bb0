"""What happened since yesterday, as a mail in the morning."""

from __future__ import annotations

import os

from airflow.sdk import dag

from touchline_airflow.dag_defaults import DEFAULT_ARGS, START_DATE, TAGS
from touchline_airflow.summary.schedule import each_morning
from touchline_airflow.summary.tasks import mail_summary

DOC = """
### What it makes
A mail to MAIL_OPERATOR: matches done and failed with their reasons, reels with links and pictures, GPU hours, what the
work cost at the configured rates, how full the disks are, what will be done tonight. And a mail to MAIL_COACH with the
reels, where there are new ones. The log holds the text.

### When it runs
Each morning at `SUMMARY_AT` (`TIMEZONE`), about the time since that of the day before: 23 or 25 hours where the clocks
change. It takes seconds. By hand: *Trigger*, about the last 24 hours.

### If it fails
The last line of the log says why: mostly the mail server or the catalogue is away. It is tried again. Without a mail
server (connection `smtp_default`) or without addresses it is green, and the log says that mail is off:
docs/how-to/mail.md.

### Safe to rerun?
Yes: what went out less than `FOLD_ALARMS_MIN` ago is not sent again, what did not go out is. *Trigger* makes another
mail.
"""


@dag(schedule=each_morning(os.environ), start_date=START_DATE, catchup=False,
     max_active_runs=1, default_args=DEFAULT_ARGS, tags=[*TAGS, "upkeep"], doc_md=DOC)
def morning_summary() -> None:
    """Wire the one task."""
    mail_summary()


morning_summary()
