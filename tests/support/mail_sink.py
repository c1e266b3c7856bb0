"""How do we look at mails without sending any? An SMTP server that keeps what it gets; for tests and for trying out.

    .venv/bin/python tests/support/mail_sink.py FOLDER [--port 2525]

writes each mail as 001.eml, 001.html and 001.txt into the folder; the HTML shows its pictures in any browser. For
Airflow it is the connection `AIRFLOW_CONN_SMTP_DEFAULT` that it prints.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import threading
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from aiosmtpd.controller import Controller

SENDER = "touchline@club.invalid"


class MailSink:
    """A server on 127.0.0.1, as a context manager; `mails` holds what came, in order."""

    def __init__(self, port: int, refusing: bool = False) -> None:
        self.port, self.refusing = port, refusing
        self.mails: list[EmailMessage] = []
        self.came_at: list[float] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=port)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """One mail has come."""
        if self.refusing:
            return "451 not now"
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.came_at.append(time.time())
        return "250 OK"

    @property
    def connection(self) -> str:
        """Airflow's connection to it, for AIRFLOW_CONN_SMTP_DEFAULT."""
        return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": self.port,
                           "extra": {"disable_ssl": True, "disable_tls": True, "from_email": SENDER}})

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._controller.stop()


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail."""
    part = mail.get_body(("plain",))
    return str(part.get_content()) if part else ""


def html_of(mail: EmailMessage) -> str:
    """The HTML of a mail, its pictures inside."""
    part = mail.get_body(("html",))
    page = str(part.get_content()) if part else ""
    for picture in mail.walk():
        if picture.get_content_maintype() == "image":
            name = str(picture["Content-ID"]).strip("<>")
            content = base64.b64encode(cast(bytes, picture.get_payload(decode=True))).decode()
            page = page.replace(f"cid:{name}", f"data:{picture.get_content_type()};base64,{content}")
    return page


def keep(mail: EmailMessage, folder: Path, name: str) -> None:
    """Write a mail as .eml, .html and .txt."""
    (folder / f"{name}.eml").write_bytes(mail.as_bytes())
    (folder / f"{name}.html").write_text(html_of(mail))
    (folder / f"{name}.txt").write_text(f"Subject: {mail['Subject']}\n\n{text_of(mail)}")


def main() -> None:
    """Keep mails until Ctrl-C."""
    parser = argparse.ArgumentParser(description="Keep mails in a folder instead of sending them.")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--port", type=int, default=2525)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with MailSink(arguments.port) as sink, contextlib.suppress(KeyboardInterrupt):
        print(f"export AIRFLOW_CONN_SMTP_DEFAULT='{sink.connection}'", flush=True)
        kept = 0
        while not threading.Event().wait(0.5):
            for mail in sink.mails[kept:]:
                kept += 1
                keep(mail, arguments.folder, f"{kept:03}")
                print(f"{kept:03}: {mail['Subject']}", flush=True)


if __name__ == "__main__":
    main()
