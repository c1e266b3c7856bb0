"""A letter is HTML and text with the same content, goes to its role, and repeated ones are one mail."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.mail_sink import MailSink, html_of, text_of
from support.services import free_port
from touchline_airflow.mail import notes, send
from touchline_airflow.mail.letter import Letter, Line, Picture, Section
from touchline_airflow.mail.send import FAILED, FOLDED, OFF, SENT, send_mail, was_mailed

JPEG = b"\xff\xd8\xff\xe0 a picture"
HOSTILE = "<script>alert('x')</script> Été & \"fils\" 🎉"
LETTER = Letter("failure", "operator", "failed run-1", "Failed: Cup final", "The recording is bad: copy it again.", (
    Section("Where", lines=(Line("Run", "run-1", "http://airflow/runs/1"),)),
    Section("Reels", ("Two clips.",), pictures=(Picture(JPEG, "Goal", "http://nas/reel.mp4"),))))


@pytest.fixture
def sink(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[MailSink]:
    """A mail server that Airflow is told of, and an operator."""
    with MailSink(free_port("127.0.0.1")) as found:
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", found.connection)
        monkeypatch.setenv("MAIL_OPERATOR", "op@club.invalid, night@club.invalid")
        monkeypatch.setenv("MAIL_COACH", "")
        monkeypatch.setenv("WORKING_DIR", str(tmp_path))
        monkeypatch.setattr(send, "PAUSES_SEC", (0, 0))
        yield found


def test_a_mail_has_text_and_html_and_its_pictures_inside(sink: MailSink) -> None:
    assert send_mail(LETTER) == SENT
    [mail] = sink.mails
    assert (mail["To"], mail["Subject"]) == ("op@club.invalid, night@club.invalid", "[touchline] Failed: Cup final")
    for content in (text_of(mail), html_of(mail)):
        for words in ("The recording is bad: copy it again.", "http://airflow/runs/1", "Two clips."):
            assert words in content
    assert "http://nas/reel.mp4" in html_of(mail)
    [picture] = [part for part in mail.walk() if part.get_content_type() == "image/jpeg"]
    assert picture.get_payload(decode=True) == JPEG
    assert f"cid:{str(picture['Content-ID']).strip('<>')}" in mail.get_body(("html",)).get_content()  # type: ignore


def test_what_stands_in_a_mail_is_escaped(sink: MailSink) -> None:
    send_mail(replace(LETTER, subject=f"Failed:\r\nBcc: x@y {HOSTILE}", lead=HOSTILE, sections=(
        Section(HOSTILE, (HOSTILE,), (Line(HOSTILE, HOSTILE, 'http://x/"><script>'),), (Picture(JPEG, HOSTILE),)),)))
    [mail] = sink.mails
    assert mail["Bcc"] is None
    assert "<script>" not in html_of(mail)
    assert HOSTILE in text_of(mail)


def test_a_text_of_a_stranger_forges_no_line_and_no_header(sink: MailSink) -> None:
    forged = "Cup\r\nBcc: x@evil.invalid\u2028\nWhat to do: pay\u202e gpj.4pm \0\x1b[2J " + "x" * 5000
    letter = replace(LETTER, subject=forged, lead=forged, sections=(
        Section(forged, words=(forged,), lines=(Line(forged, forged),), pictures=(Picture(JPEG, forged),)),))
    assert send_mail(letter) == SENT
    [mail] = sink.mails
    assert mail["Bcc"] is None and len(mail["Subject"]) <= 212
    for content in (text_of(mail), html_of(mail)):
        assert "\nBcc:" not in content and "\nWhat to do" not in content
        assert not {"\u202e", "\u2028", "\0", "\x1b"} & set(content)


def test_a_repeated_alarm_is_folded_and_the_next_mail_says_so(sink: MailSink) -> None:
    assert [send_mail(LETTER) for _ in range(3)] == [SENT, FOLDED, FOLDED]
    assert send_mail(replace(LETTER, key="another")) == SENT
    assert send_mail(LETTER, fold_sec=0) == SENT
    assert len(sink.mails) == 3
    assert "2 more of the same since the last mail were not sent." in text_of(sink.mails[-1])
    assert "2 more of the same" in html_of(sink.mails[-1])
    assert was_mailed("operator", LETTER.key) and not was_mailed("operator", "never")


def test_an_alarm_that_was_mailed_while_the_clock_ran_ahead_is_not_folded_for_ever(
        sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> None:
    now = notes.now_ms()
    monkeypatch.setattr(notes, "now_ms", lambda: now + 40 * 86_400_000)
    assert send_mail(LETTER) == SENT
    monkeypatch.setattr(notes, "now_ms", lambda: now)
    assert send_mail(LETTER) == FOLDED
    monkeypatch.setattr(notes, "now_ms", lambda: now + 3_600_000)
    assert send_mail(LETTER) == SENT


def test_a_mail_that_did_not_go_out_does_not_fold_the_next_one(sink: MailSink) -> None:
    sink.refusing = True
    assert send_mail(LETTER) == FAILED
    sink.refusing = False
    assert not was_mailed("operator", LETTER.key)
    assert [send_mail(LETTER), send_mail(LETTER)] == [SENT, FOLDED]


def test_a_server_that_is_away_is_one_line_and_no_error(sink: MailSink, monkeypatch: pytest.MonkeyPatch,
                                                       caplog: pytest.LogCaptureFixture) -> None:
    nowhere = {"conn_type": "smtp", "host": "127.0.0.1", "port": free_port("127.0.0.1"), "extra": {"disable_ssl": True}}
    monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(nowhere))
    assert send_mail(LETTER) == FAILED
    assert "see the connection smtp_default" in caplog.text


@pytest.mark.parametrize("connection", [None, '{"conn_type": "smtp"}'], ids=["no connection", "no host"])
def test_without_a_server_one_line_says_that_mail_is_off(sink: MailSink, monkeypatch: pytest.MonkeyPatch,
                                                         caplog: pytest.LogCaptureFixture, connection: Any) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SMTP_DEFAULT")
    if connection:
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", connection)
    with caplog.at_level(logging.INFO):
        assert send_mail(LETTER) == OFF
    assert [record for record in caplog.records if "Mail is off" in record.message]
    assert sink.mails == []


def test_nobody_has_the_role(sink: MailSink) -> None:
    assert send_mail(replace(LETTER, role="coach")) == OFF


def test_a_wrong_setting_does_not_end_the_work(sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOLD_ALARMS_MIN", "often")
    assert send_mail(LETTER) == FAILED


def test_where_notes_cannot_be_kept_the_mail_is_sent_all_the_same(sink: MailSink, monkeypatch: pytest.MonkeyPatch,
                                                                  tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("WORKING_DIR", str(tmp_path / "file"))
    assert [send_mail(LETTER), send_mail(LETTER)] == [SENT, SENT]


def test_the_text_is_wrapped_but_for_addresses() -> None:
    address = "http://airflow/" + "x" * 100
    letter = replace(LETTER, sections=(Section("A", ("word " * 60,), (Line("Run", "b " * 60, address),)),))
    lines = letter.as_text().splitlines()
    assert f"  {address}" in lines
    assert all(len(line) <= 78 for line in lines if address not in line)
