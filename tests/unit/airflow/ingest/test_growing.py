"""Which recordings are looked at while they are written, and what the catalogue holds of them meanwhile."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from touchline.catalogue import matches, recordings, runs
from touchline.catalogue.connection import now_ms
from touchline.catalogue.matches import Match
from touchline.domain.layout import MatchFolder, WorkFiles
from touchline.errors import UsageError
from touchline.exports.match_folder import NewFile, commit_files
from touchline.results.growing import Chapter, Growing, growing_match_id, load_growing, save_growing
from touchline.settings import Settings
from touchline.video.growing import Place
from touchline_airflow.ingest.all_recordings import complete_matches
from touchline_airflow.ingest.growing import end_provisional_matches, find_growing, register_chapters
from touchline_airflow.ingest.register import run_conf
from touchline_airflow.ingest.standing_still import find_due
from touchline_airflow.match.request import find_match, read_order

PACKET = b"G" + bytes(187)
BYTES_PER_S = 188 * 1000


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    return dataclasses.replace(own_settings, live="true", live_chapter_sec=10)


def write(settings: Settings, seconds: int, name: str = "Cup final.ts") -> Path:
    """A recording as long as this; it was seen first long ago, and has just grown."""
    path = settings.nas_mount_path / name
    path.write_bytes(PACKET * (1000 * seconds))
    find_due(settings)
    recordings.update(settings.catalogue_address, str(path), first_seen_ms=now_ms() - 60_000, still_since_ms=now_ms())
    return path


def files_of(path: Path, settings: Settings) -> WorkFiles:
    return WorkFiles(settings.working_dir, str(growing_match_id(path)))


def cut(path: Path, settings: Settings, *contents: bytes) -> Match:
    """Chapters with these contents, ten seconds each, as the step leaves them; then the ingest writes them down."""
    files = files_of(path, settings)
    chapters = []
    for number, content in enumerate(contents, start=1):
        chapter = files.chapter(f"cup-final live {number:04d}.mkv")
        chapter.parent.mkdir(parents=True, exist_ok=True)
        chapter.write_bytes(content)
        chapters.append(Chapter(chapter.name, "f" * 64))
    seconds = 10 * len(contents)
    save_growing(files, Growing(files.match_id, str(path), tuple(chapters), 0,
                                Place(BYTES_PER_S * seconds, 1_000_000 * seconds)))
    match_id = register_chapters(path, settings)
    match = matches.find(settings.catalogue_address, str(match_id))
    assert match is not None
    return match


def end_run(match: Match, settings: Settings, status: str = "published") -> None:
    run_id = f"match__{match.match_id}__{match.attempt}"
    runs.begin(settings.catalogue_address, run_id, match.match_id)
    runs.end(settings.catalogue_address, run_id, None)
    matches.update(settings.catalogue_address, match.match_id, status=status)


def test_one_that_grows_is_due_when_enough_has_come_for_a_chapter(settings: Settings) -> None:
    path = write(settings, 12)
    assert find_growing(settings) == [str(path)]
    end_run(cut(path, settings, b"one"), settings)
    assert find_growing(settings) == []
    write(settings, 21)
    assert find_growing(settings) == [str(path)]


def test_where_too_little_came_it_waits_for_more(settings: Settings) -> None:
    path = write(settings, 40)
    end_run(cut(path, settings, b"one"), settings)
    growing = load_growing(files_of(path, settings), path)
    save_growing(files_of(path, settings), dataclasses.replace(growing, tried_bytes=path.stat().st_size))
    assert find_growing(settings) == []
    write(settings, 41)
    assert find_growing(settings) == [], "each look reads all of it again"
    write(settings, 60)
    assert find_growing(settings) == [str(path)]


def test_one_whose_provisional_match_is_being_made_waits(settings: Settings) -> None:
    path = write(settings, 40)
    match = cut(path, settings, b"one")
    assert find_growing(settings) == []  # registered: its run has not begun
    end_run(match, settings, "processing")
    assert find_growing(settings) == []
    end_run(match, settings, "failed")
    assert find_growing(settings) == [str(path)]


@pytest.mark.parametrize("what", ["not asked for", "stands still", "new", "index at the end", "small", "registered"])
def test_others_are_left_alone(settings: Settings, what: str) -> None:
    path = write(settings, 12)
    address = settings.catalogue_address
    if what == "not asked for":
        settings = dataclasses.replace(settings, live="false")
    elif what == "stands still":
        recordings.update(address, str(path), still_since_ms=now_ms() - 61_000)
    elif what == "new":
        recordings.update(address, str(path), first_seen_ms=now_ms() - 5_000)
    elif what == "index at the end":
        path.write_bytes(b"\0\0\0\x14ftypisom" + bytes(8) + b"\0\x30\0\0mdat" + bytes(3 << 20))
    elif what == "small":
        path.write_bytes(PACKET * 100)
    else:
        recordings.update(address, str(path), status="registered")
    assert find_growing(settings) == []


def test_a_match_toml_says_it_for_its_folder(settings: Settings) -> None:
    settings = dataclasses.replace(settings, live="false")
    path = write(settings, 12)
    (path.parent / "match.toml").write_text("live = true\n")
    assert find_growing(settings) == [str(path)]
    (path.parent / "match.toml").write_text('live = "yes"\n')
    assert find_growing(settings) == []


def test_another_chapter_opens_the_provisional_match_again(settings: Settings) -> None:
    path = write(settings, 40)
    first = cut(path, settings, b"one")
    assert first.is_provisional and first.match_id.startswith("cup-final-live-") and first.attempt == 1
    end_run(first, settings)
    second = cut(path, settings, b"one", b"two")
    assert (second.match_id, second.attempt, second.status) == (first.match_id, 2, "registered")
    assert second.sources[0] == first.sources[0]
    assert second.duration_ms == 20_000
    assert cut(path, settings, b"one", b"two") == second


def test_its_run_takes_the_chapters_and_nothing_else_in_working_dir(settings: Settings) -> None:
    path = write(settings, 40)
    match = cut(path, settings, b"one", b"two")
    conf = run_conf(match, settings)
    request = find_match(read_order(conf, settings), settings)
    assert request.is_provisional
    assert request.recordings == tuple(source.path for source in match.sources)
    secret = settings.working_dir / "hold.json"
    secret.write_text("{}")
    other = files_of(path, settings).root / "chapters" / "link.mkv"
    other.symlink_to(secret)
    for wrong in (secret, other, files_of(path, settings).root / "chapters" / ".." / "growing.json"):
        with pytest.raises(UsageError, match="outside NAS_MOUNT_PATH"):
            read_order({**conf, "recording": str(wrong)}, settings)


@pytest.mark.parametrize("told", ["[]", "{}", '{"chapters": 7}', '{"recording": "/x", "chapters": [["../../x", "f"]], '
                                  '"begin_us": 0, "following": [1, 2], "tried_bytes": 0}', "x" * 3_000_000,
                                  '{"recording": "R", "chapters": [], "begin_us": 1e999, "following": null, '
                                  '"tried_bytes": 0}'])
def test_what_a_step_wrote_in_another_form_counts_as_nothing(settings: Settings, told: str) -> None:
    path = write(settings, 40)
    end_run(cut(path, settings, b"one"), settings)
    files_of(path, settings).growing.write_text(told.replace("R", str(path)))
    assert find_growing(settings) == [str(path)]  # it is cut from its beginning again
    assert register_chapters(path, settings) == growing_match_id(path)


def publish(match_id: str, settings: Settings) -> Path:
    folder = MatchFolder(settings.nas_output_path, match_id)
    commit_files(folder, [NewFile.of("match.json", b"{}"), NewFile.of("reels/keeper.mp4", b"video")])
    return folder.root


def whole_match(path: Path, settings: Settings, status: str) -> str:
    match = matches.register(settings.catalogue_address, "cup-final-0123456789ab", "a" * 64, str(path))
    matches.update(settings.catalogue_address, match.match_id, status=status)
    recordings.update(settings.catalogue_address, str(path), status="registered", match_id=match.match_id)
    return match.match_id


def test_it_is_taken_back_when_the_match_of_the_whole_recording_is_published(settings: Settings) -> None:
    path, address, said = write(settings, 40), settings.catalogue_address, list[str]()
    match = cut(path, settings, b"one")
    end_run(match, settings)
    folder, files = publish(match.match_id, settings), files_of(path, settings)
    whole = whole_match(path, settings, "processing")
    end_provisional_matches(settings, said.append)
    assert folder.exists() and not said
    matches.update(address, whole, status="published")
    matches.take_lease(address, match.match_id, "another", lambda _: True)
    end_provisional_matches(settings, said.append)
    assert folder.exists() and not said
    matches.release_lease(address, match.match_id, "another")
    end_provisional_matches(settings, said.append)
    assert not folder.exists() and not files.root.exists() and not files.request.exists()
    assert matches.find(address, match.match_id) is None
    assert [row["run_id"] for row in runs.of_match(address, whole)] == [f"match__{match.match_id}__1"]
    assert said == [f"{match.match_id} is taken back: {whole} is made of the whole recording"]


@pytest.mark.parametrize("what", ["gone", "replaced", "bad"])
def test_it_is_taken_back_when_no_whole_recording_will_come(settings: Settings, what: str) -> None:
    path, said = write(settings, 40), list[str]()
    (settings.nas_mount_path / "other.txt").write_text("the mount is there")
    match = cut(path, settings, b"one")
    end_run(match, settings)
    end_provisional_matches(settings, said.append)
    assert not said
    if what == "gone":
        path.unlink()
    elif what == "replaced":
        path.write_bytes(os.urandom(2 << 20))
    else:
        recordings.update(settings.catalogue_address, str(path), status="bad", reason="there is no picture in it")
    end_provisional_matches(settings, said.append)
    assert len(said) == 1 and matches.find(settings.catalogue_address, match.match_id) is None


def test_one_that_stands_still_without_an_end_may_only_pause(settings: Settings) -> None:
    settings = dataclasses.replace(settings, watch_more_sec=100)
    path, address = write(settings, 20), settings.catalogue_address
    recordings.update(address, str(path), status="complete", duration_ms=20_000, still_since_ms=now_ms() - 50_000)
    assert not list(complete_matches(settings))
    assert find_growing(settings) == [str(path)]
    row = recordings.find(address, str(path))
    assert row is not None and row.reason == "its recorder may only pause: it is made when nothing has come for 100 s"
    (path.parent / ".done").touch()
    assert [match.paths for match in complete_matches(settings)] == [(path,)]
    (path.parent / ".done").unlink()
    recordings.update(address, str(path), still_since_ms=now_ms() - 101_000)
    assert [match.paths for match in complete_matches(settings)] == [(path,)]


def test_one_that_is_not_looked_at_while_it_grows_is_made_at_once(settings: Settings) -> None:
    settings = dataclasses.replace(settings, live="false", watch_more_sec=100)
    path = write(settings, 20)
    recordings.update(settings.catalogue_address, str(path), status="complete", duration_ms=20_000)
    assert [match.paths for match in complete_matches(settings)] == [(path,)]


def test_what_somebody_put_into_the_provisional_folder_stays(settings: Settings) -> None:
    path = write(settings, 40)
    match = cut(path, settings, b"one")
    end_run(match, settings)
    folder = publish(match.match_id, settings)
    (folder / "notes of the coach.txt").write_text("press higher")
    whole_match(path, settings, "published")
    end_provisional_matches(settings, print)
    assert [one.name for one in folder.iterdir()] == ["notes of the coach.txt"]
