"""Every path is derived from ids; no id can lead out of its folder."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchline.domain.layout import CHUNK_ID, MatchFolder, ScratchFiles, WorkFiles, is_match_id, match_id, slug
from touchline.domain.step_table import STEPS, Step

fingerprints = st.text("0123456789abcdef", min_size=64, max_size=64)
RUN_ID = re.compile(r"[A-Za-z0-9_.~:+-]+")


@given(st.text(max_size=200), fingerprints)
def test_any_file_name_gives_a_match_id(stem, fingerprint):
    made = match_id(stem, fingerprint)
    assert is_match_id(made)
    assert RUN_ID.fullmatch(f"match__{made}__1"), "Airflow refuses such a run id"
    assert made.endswith(fingerprint[:12])


@given(st.text(max_size=200))
def test_a_slug_is_short_ascii_and_stays_itself(text):
    made = slug(text)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", made)
    assert len(made) <= 48
    assert slug(made) == made


@pytest.mark.parametrize(("text", "expected"), [
    ("Été & fils 🎉", "ete-fils"), ("", "match"), ("🎉", "match"), ("../../etc/passwd", "etc-passwd"),
    ("--force", "force"), ("$(reboot)", "reboot"), ("U15 – Rovers 'A' \"B\"", "u15-rovers-a-b"),
])
def test_slugs_that_people_will_see(text, expected):
    assert slug(text) == expected


HOSTILE_IDS = ["", "-x", "--", "../", "../../etc", "a/b-0123456789ab", "A-0123456789ab", "cup-0123456789abc",
               "cup-0123", "-cup-0123456789ab", "cup--0123456789ab\n", "$(reboot)-0123456789ab", "cup 0123456789ab",
               "cup-0123456789AB", "é-0123456789ab", "cup-0123456789ab/..", "[cup]-0123456789ab", "\x00-0123456789ab",
               f"{'a' * 49}-0123456789ab"]


@pytest.mark.parametrize("text", HOSTILE_IDS)
def test_what_has_not_the_form_of_a_match_id_is_none(text):
    assert not is_match_id(text)


@given(st.text(max_size=100), fingerprints)
def test_every_work_file_but_what_no_step_may_write_lies_in_the_folder_of_its_match(stem, fingerprint):
    made = match_id(stem, fingerprint)
    files = WorkFiles(Path("/srv"), made)
    named = {getattr(files, name) for name in vars(WorkFiles) if isinstance(vars(WorkFiles)[name], property)}
    assert files.request == Path("/srv/matches") / f"{made}.request.json"
    assert files.reviews == Path("/srv/matches") / f"{made}.reviews.json"
    named -= {files.request, files.reviews}
    for path in [*named, files.spottings("chunk-0000"), files.reel("keeper"), files.thumbnails("keeper")]:
        assert path.resolve().is_relative_to(Path("/srv/matches") / made)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_the_page_on_files_says_where_the_result_of_a_step_lies(step: Step, repository: Path):
    files = WorkFiles(Path("/srv"), match_id("cup", "0" * 64))
    path = step.result(files, f"<{step.part.lower()}>").relative_to(files.root)
    assert f"\n| `{step.name}` | `{path}` | " in (repository / "docs" / "files.md").read_text()


def test_the_three_places_do_not_mix():
    made = match_id("cup", "0" * 64)
    roots = {WorkFiles(Path("/w"), made).root, ScratchFiles(Path("/s"), made).root, MatchFolder(Path("/o"), made).root}
    assert roots == {Path(f"/w/matches/{made}"), Path(f"/s/matches/{made}"), Path(f"/o/{made}")}
    assert [field.name for field in fields(WorkFiles)] == ["working_dir", "match_id"]


@pytest.mark.parametrize("text", ["chunk-1", "chunk-00001", "../chunk-0001", "chunk-0001 ", "-chunk-0001", ""])
def test_what_has_not_the_form_of_a_chunk_id_is_none(text):
    assert CHUNK_ID.fullmatch("chunk-0001")
    assert not CHUNK_ID.fullmatch(text)
