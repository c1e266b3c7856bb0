"""The morning's summary: what was done and what failed, what it cost, the disks, the night."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from touchline.catalogue import matches, publications, recordings, reels, runs, schema
from touchline.catalogue.connection import writing
from touchline.catalogue.recordings import Look
from touchline.catalogue.runs import StageTime
from touchline.domain.layout import WorkFiles
from touchline.errors import INFRASTRUCTURE, Failure
from touchline.results.result import read_result, reuse_or_compute
from touchline.settings import Settings
from touchline_airflow.deployment import DeploymentSettings
from touchline_airflow.hold.hold import set_hold
from touchline_airflow.mail.letter import Letter
from touchline_airflow.summary.day import day_since
from touchline_airflow.summary.mails import MOST_PICTURES, letters

DONE, FAILED = "cup-final-0123456789ab", "league-0123456789cd"
RATES = DeploymentSettings(cost_per_gpu_hour=2.0, cost_per_cpu_hour=0.5, reels_url="https://nas.club.invalid/reels/")
CLIPS = [{"clip_id": f"clip-{number}-9", "label": "Shots on target"} for number in range(5)]
JPEG = b"\xff\xd8\xff one picture %d \xff\xd9"


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    """One match done, one failed, one recording bad."""
    address = own_settings.catalogue_address
    for match_id, title in ((DONE, "Reds - Blues"), (FAILED, None)):
        matches.register(address, match_id, match_id.ljust(64, "0"), f"/nas/{match_id}.mp4")
        matches.update(address, match_id, title=title)
        runs.begin(address, f"match__{match_id}__1", match_id)
    runs.note_stage(address, f"match__{DONE}__1", StageTime("spot_chunk", "chunk-0000", 1_800_000, True))
    runs.note_stage(address, f"match__{DONE}__1", StageTime("scan", "", 3_600_000, True))
    made = {"name": "highlights", "clips": CLIPS, "frames": 100, "duration_ms": 64_000, "sha256": "a" * 64,
            "size_bytes": 12_000_000}
    empty = {"name": "keeper", "clips": [], "frames": 0, "duration_ms": 0, "sha256": None, "size_bytes": 0}
    reels.replace(address, DONE, [made, empty])
    files = WorkFiles(own_settings.working_dir, DONE)
    names = [f"{clip['clip_id']}.jpg" for clip in CLIPS]
    reuse_or_compute(files.reel("highlights"), "render_reel", {}, lambda: {**made, "thumbnails": names})
    files.thumbnails("highlights").mkdir(parents=True)
    for number, name in enumerate(names):
        (files.thumbnails("highlights") / name).write_bytes(JPEG % number)
    matches.update(address, DONE, status="published")
    publish(address, f"match__{DONE}__1", DONE, "a")
    matches.update(address, FAILED, status="failed")
    runs.end(address, f"match__{FAILED}__1", Failure(INFRASTRUCTURE, "no picture after 00:12:00: copy it again"))
    recordings.note_looks(address, [Look("/nas/broken.mp4", 1, 1, "")])
    recordings.update(address, "/nas/broken.mp4", status="bad", reason="it has no video",
                      checked_at_ms=round(datetime.now(UTC).timestamp() * 1000))
    return own_settings


def publish(address: str, run_id: str, match_id: str, manifest: str) -> None:
    runs.end(address, run_id)
    publications.add(address, match_id, manifest, run_id)


def written(settings: Settings, deployment: DeploymentSettings = RATES) -> list[Letter]:
    since = datetime.now(UTC) - timedelta(days=1)
    return letters(day_since(since, settings, deployment), settings, deployment)


def test_the_operator_reads_all_that_happened(settings: Settings) -> None:
    letter = written(settings)[0]
    assert (letter.role, letter.subject) == ("operator", "The morning's summary: 1 match done, 2 failed")
    text = " ".join(letter.as_text().split())
    for words in (f"{FAILED}: no picture after 00:12:00: copy it again", f"/runs/match__{FAILED}__1",
                  "broken.mp4: it has no video", "highlights: 5 clips, 1 min, 12 MB",
                  f"https://nas.club.invalid/reels/{DONE}/reels/highlights.mp4", f"/{DONE}/report.html",
                  "GPU hours: 0.50", "Other work: 1.00 h", "Cost: 1.50 EUR", "WORKING_DIR:", "GB free of", "Tonight"):
        assert words in text, words
    assert "keeper.mp4" not in text


def test_a_reel_shows_its_first_pictures_with_their_labels(settings: Settings) -> None:
    letter = written(settings)[0]
    assert [picture.jpeg for picture in letter.pictures] == [JPEG % number for number in range(3)]
    assert {picture.caption for picture in letter.pictures} == {"Shots on target (highlights)"}


def test_the_coach_gets_the_reels_and_nothing_else(settings: Settings) -> None:
    operator, coach = written(settings)
    assert (coach.role, coach.subject) == ("coach", "1 match has new reels")
    assert coach.pictures == operator.pictures
    assert "highlights" in coach.as_text()
    for words in ("Cost", "Disks", "Tonight", "broken"):
        assert words not in coach.as_text()


def test_a_morning_after_nothing_is_a_mail_to_the_operator_only(own_settings: Settings) -> None:
    [letter] = written(own_settings, DeploymentSettings())
    assert letter.subject == "The morning's summary: 0 matches done, 0 failed"
    assert "no rates are set" in letter.as_text()


def test_a_match_that_failed_and_was_made_then_is_done(settings: Settings) -> None:
    address = settings.catalogue_address
    runs.begin(address, f"match__{FAILED}__2", FAILED)
    publish(address, f"match__{FAILED}__2", FAILED, "b")
    operator, coach = written(settings)
    assert operator.subject == "The morning's summary: 2 matches done, 1 failed"
    assert coach.subject == "1 match has new reels", "a match without a clip is nothing to watch"


def test_a_match_that_was_cleared_and_stayed_as_it_was_is_no_news(settings: Settings) -> None:
    address, run_id = settings.catalogue_address, f"match__{DONE}__1"
    with writing(address) as connection:
        for table, column in ((schema.runs, "ended_at_ms"), (schema.publications, "published_at_ms")):
            connection.execute(table.update().where(table.c.match_id == DONE).values({column: 1}))
    runs.resume(address, run_id)
    publish(address, run_id, DONE, "a")
    runs.begin(address, "by hand", DONE)
    publish(address, "by hand", DONE, "a")
    assert written(settings)[0].subject == "The morning's summary: 0 matches done, 2 failed"


def test_a_match_was_made_in_the_time_that_its_run_worked(settings: Settings) -> None:
    with writing(settings.catalogue_address) as connection:
        connection.execute(schema.publications.update().values(worked_ms=169_000))
        connection.execute(schema.runs.update().values(started_at_ms=1))  # and was cleared after a long night
    assert "made in 3 min" in written(settings)[0].as_text()


def test_a_run_that_works_again_has_not_failed(settings: Settings) -> None:
    runs.resume(settings.catalogue_address, f"match__{FAILED}__1")
    assert written(settings)[0].subject == "The morning's summary: 1 match done, 1 failed"


def test_pictures_that_the_retention_removed_are_left_out(settings: Settings) -> None:
    for path in WorkFiles(settings.working_dir, DONE).thumbnails("highlights").iterdir():
        path.unlink()
    assert written(settings)[0].pictures == ()
    WorkFiles(settings.working_dir, DONE).reel("highlights").unlink()
    assert "highlights: 5 clips" in written(settings)[0].as_text()


def test_no_file_from_elsewhere_goes_into_a_mail(settings: Settings, tmp_path: Path) -> None:
    files, secret = WorkFiles(settings.working_dir, DONE), tmp_path / "clip-1-9.jpg"
    secret.write_bytes(JPEG % 7)
    reel = read_result(files.reel("highlights")).result
    way_out = os.path.relpath(secret, files.thumbnails("highlights"))
    for names in ([way_out], [str(secret)], ["clip-4-9.jpg"], [7], "clip-1-9.jpg"):
        (files.thumbnails("highlights") / "clip-4-9.jpg").unlink()
        (files.thumbnails("highlights") / "clip-4-9.jpg").symlink_to(secret)
        reuse_or_compute(files.reel("highlights"), "render_reel", {}, lambda names=names: {**reel, "thumbnails": names},
                         force=True)
        assert written(settings)[0].pictures == ()


def test_a_mail_stays_small(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    day = day_since(datetime.now(UTC) - timedelta(days=1), settings, RATES)
    many = replace(day, done=day.done * 20)
    assert sum(len(section.pictures) for section in letters(many, settings, RATES)[0].sections) == MOST_PICTURES
    monkeypatch.setattr("touchline_airflow.summary.mails.MOST_BYTES", 2 * len(JPEG % 0))
    assert len(letters(day, settings, RATES)[0].pictures) == 2


def test_a_mount_that_is_away_is_said_in_its_place(settings: Settings) -> None:
    away = replace(settings, nas_mount_path=Path("/nowhere/nas"))
    letter = written(away)[0]
    assert "/nowhere/nas: No such file or directory" in " ".join(letter.as_text().split())


def test_a_hold_is_the_first_thing_to_read(settings: Settings) -> None:
    set_hold(settings.working_dir, "cost", "touchline", "the day cost too much")
    assert "held (cost) by touchline" in written(settings)[0].lead
