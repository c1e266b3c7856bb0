"""A run that fails is mailed once with its reason; the summary goes to who has a role; tests/verify has the rest."""

from __future__ import annotations

import time
from urllib.parse import quote

from support.mail_sink import MailSink, html_of, text_of
from support.running_airflow import RunningAirflow
from support.waiting import wait_for


def test_a_failed_run_is_told_once_with_its_reason(airflow: RunningAirflow, mail_sink: MailSink) -> None:
    (airflow.nas / "no film.mp4.part").write_text("This is no film.\n" * 1000)
    refused = airflow.nas / "no film.mp4"
    refused.hardlink_to(airflow.nas / "no film.mp4.part")
    run_id = airflow.api.trigger("process_match", {"recording": "no film.mp4"})["dag_run_id"]
    assert airflow.finish(run_id)["state"] == "failed"
    found = wait_for("its mail", lambda: [mail for mail in mail_sink.mails if run_id in text_of(mail)])
    time.sleep(10)  # tidy and close_match have both looked at it by now
    [mail] = [mail for mail in mail_sink.mails if run_id in text_of(mail)]
    assert mail is found[0]
    assert str(mail["Subject"]).startswith("[touchline] Failed: ")
    assert "no film.mp4" in text_of(mail)
    assert f"{airflow.processes.api_url}/dags/process_match/runs/{quote(run_id)}" in html_of(mail)


def test_the_summary_goes_to_the_operator_and_nobody_is_the_coach(airflow: RunningAirflow, mail_sink: MailSink) -> None:
    run_id = airflow.api.trigger("morning_summary", {})["dag_run_id"]
    assert airflow.api.wait_for_run("morning_summary", run_id, 120)["state"] == "success"
    assert [mail for mail in mail_sink.mails if "summary" in str(mail["Subject"])]
    lines = airflow.api.log("morning_summary", run_id, "mail_summary", 1)
    assert not [line for line in lines if "did not go out" in line]
    assert {str(mail["To"]) for mail in mail_sink.mails} == {"operator@club.invalid"}
