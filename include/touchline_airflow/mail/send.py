"""How does a letter go out? To the addresses of its role, by Airflow's SMTP connection.

For tasks and for callbacks in the triggerer (there in a thread of its own). Airflow is imported inside the functions.
"""

from __future__ import annotations

import hashlib
import html
import logging
import time
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

from touchline.domain.text import MOST_OF_A_TITLE, shown
from touchline.errors import SettingError
from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.mail import notes
from touchline_airflow.mail.letter import Letter
from touchline_airflow.metrics.table import MAILS

CONNECTION = "smtp_default"
SENT, FAILED, FOLDED, OFF = "sent", "failed", "folded", "off"
PAUSES_SEC = (2, 8)
"""Between the tries to hand a mail over: a server that restarts is waited for, and no task waits long."""

log = logging.getLogger("airflow.task")


def send_mail(letter: Letter, *, fold_sec: float | None = None) -> str:
    """Send a letter to its role; returns "sent", "failed", "folded" or "off", never raises.

    Off: nobody has the role, or no SMTP server is configured; one log line says so. Folded: one with the same key went
    out less than `fold_sec` ago (FOLD_ALARMS_MIN where it is None); the next one that goes out says how many were.
    """
    try:
        deployment = DeploymentSettings.from_env()
    except SettingError as error:
        log.error("The mail %r did not go out: %s", letter.subject, error)
        return FAILED
    to = [address.strip() for address in _role(letter.role, deployment).split(",") if address.strip()]
    if not to:
        log.info("Mail is off: MAIL_%s is empty (not sent: %s)", letter.role.upper(), letter.subject)
        return OFF
    if not (hook := _server()):
        log.info("Mail is off: the connection %s names no host (not sent: %s)", CONNECTION, letter.subject)
        return OFF
    fold_ms = 1000 * (deployment.fold_alarms_min * 60 if fold_sec is None else fold_sec)
    went = notes.post(Settings.from_env().working_dir, f"{letter.role} {letter.key}", fold_ms,
                      lambda folded: _hand_over(hook, as_message(letter, to, str(hook.from_email or to[0]), folded)))
    outcome = FOLDED if went is None else SENT if went else FAILED
    log.info("Mail %r to %s: %s", letter.subject, letter.role, outcome)
    MAILS.add(kind=letter.kind, outcome=outcome)
    return outcome


def was_mailed(role: str, key: str) -> bool:
    """Whether a letter with this key went out to a role, within the last weeks."""
    return notes.find(Settings.from_env().working_dir, f"{role} {key}") is not None


def as_message(letter: Letter, to: list[str], sender: str, folded: int = 0) -> EmailMessage:
    """The letter as HTML and text with its pictures inside; `folded` letters before it were not sent."""
    text, page = letter.as_text(), letter.as_html()
    if folded:
        words = f"{folded} more of the same since the last mail were not sent."
        text = f"{text}\n{words}\n"
        page = page.replace("Sent by touchline", f"{html.escape(words)} Sent by touchline", 1)
    message = EmailMessage()
    message["Subject"] = f"[touchline] {shown(letter.subject, MOST_OF_A_TITLE)}"
    message["From"], message["To"] = sender, ", ".join(to)
    message["Date"], message["Message-ID"] = formatdate(), make_msgid(domain="touchline")
    # Mails with one key are one thread in the reader's inbox; no holiday answer comes back.
    message["References"] = f"<{hashlib.sha256(letter.key.encode()).hexdigest()[:32]}@touchline>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    message.add_alternative(page, subtype="html")
    page_part: Any = message.get_payload(1)
    for picture in letter.pictures:
        page_part.add_related(picture.jpeg, "image", "jpeg", cid=f"<{picture.content_id}>", disposition="inline",
                              filename=f"{picture.content_id.partition('@')[0]}.jpg")
    return message


def _role(role: str, deployment: DeploymentSettings) -> str:
    return {"operator": deployment.mail_operator, "coach": deployment.mail_coach}[role]


def _server() -> Any:
    """Airflow's hook on the SMTP connection; None where it is not configured."""
    from airflow.providers.smtp.hooks.smtp import SmtpHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    hook = SmtpHook(CONNECTION)
    try:
        hook.smtp_connection = hook.get_connection(CONNECTION)
    except AirflowNotFoundException:
        return None
    return hook if hook.host else None


def _hand_over(hook: Any, message: EmailMessage) -> bool:
    """Give the mail to the server; a line in the log says why when that is not possible."""
    from airflow.sdk.exceptions import AirflowException

    for pause_sec in (*PAUSES_SEC, None):
        try:
            with hook as smtp:
                # The hook's own method knows HTML only: this needs text and pictures as well.
                smtp._smtp_client.send_message(message)
            return True
        except (OSError, AirflowException) as error:  # smtplib's errors are OSErrors
            log.error("The mail did not go out by %s: %s; see the connection %s", hook.host, error, CONNECTION)
        if pause_sec is not None:
            time.sleep(pause_sec)
    return False
