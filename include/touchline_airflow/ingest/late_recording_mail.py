"""What do we say about a recording that lies on the mount and is not taken?"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from touchline.catalogue.recordings import SeenRecording
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.mail import links
from touchline_airflow.mail.letter import Letter, Line, Section
from touchline_airflow.mail.send import send_mail
from touchline_airflow.mail.words import moment

ONCE_SEC = 30 * 86_400
"""A recording that nobody mends must not send a mail each hour: once for each content of the file."""


def tell_late_recording(row: SeenRecording) -> str:
    """Mail that a recording waits for too long; once, until the file changes."""
    deployment = DeploymentSettings.from_env()
    since = moment(datetime.fromtimestamp(row.still_since_ms / 1000, UTC), deployment.zone)
    reason = row.reason or "it was not looked at since it stood still"
    sections = (
        Section("What is late", lines=(
            Line("Recording", row.path), Line("Unchanged since", since), Line("Why it waits", reason),
            Line("DAG", "ingest_recordings", links.dag_page("ingest_recordings")))),
        Section("What is normal", words=(
            "A recording is taken when it stood still for WATCH_STABLE_TIME_SEC and can be read to its end, and when "
            "that is so of the other recordings of its match.",)),
        Section("What to do", words=(
            "If the copy was interrupted, copy the file again. If it is whole on the camera, see whether the NAS is "
            "slow (docs/runbooks/slow-nas.md). If the reason names other recordings of its match, see "
            "docs/how-to/match-in-several-files.md. It is taken by itself as soon as nothing is missing.",)))
    name = Path(row.path).name
    return send_mail(Letter("deadline", "operator", f"late {row.path} {row.still_since_ms}", f"Late: {name}",
                            f"{name} has been waiting to be taken since {since}: {reason}.", sections),
                     fold_sec=ONCE_SEC)
