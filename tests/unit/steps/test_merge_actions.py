"""Actions are merged from all chunks or not at all, and the same whatever the chunks are."""

from dataclasses import replace

import pytest

from support.spotted_match import MATCH, RECORDING, SECONDS, cut_at, prepare
from touchline.domain.layout import WorkFiles
from touchline.errors import DamagedResultError, ModelError
from touchline.results.result import read_stats
from touchline.settings import Settings
from touchline.steps.merge_actions import merge_actions


@pytest.fixture
def settings(own_settings, tmp_path, save_spotter):
    pytest.importorskip("torch", reason="the models' libraries are in the worker's environment only")
    return replace(own_settings, spotter_model_path=save_spotter(tmp_path / "spotter"), min_event_confidence=0.0)


def test_a_chunk_without_a_result_is_named(own_settings: Settings) -> None:
    prepare(own_settings, cut_at(100))
    WorkFiles(own_settings.working_dir, MATCH).spottings("chunk-0001").unlink()
    with pytest.raises(DamagedResultError, match="chunk-0001 has no whole result: clear its spot_chunk"):
        merge_actions(MATCH, own_settings)


def test_the_borders_of_chunks_change_nothing(settings):
    prepare(settings, cut_at())
    whole = merge_actions(MATCH, settings)
    assert whole.result["actions"]
    prepare(settings, cut_at(1, 63, 150))
    assert merge_actions(MATCH, settings).reused
    assert merge_actions(MATCH, settings, force=True).digest == whole.digest


def test_without_sound_and_without_a_moment_there_are_actions_or_none(settings):
    prepare(settings, cut_at(), hearing=False)
    assert merge_actions(MATCH, settings).result["actions"]
    prepare(settings, [])
    assert merge_actions(MATCH, settings).result["actions"] == []


def test_another_spotter_makes_another_result_and_its_digest_is_told(settings, tmp_path, save_spotter):
    files = prepare(settings, cut_at())
    merge_actions(MATCH, settings)
    first = read_stats(files.actions)["spotter"]
    other = save_spotter(tmp_path / "other", labels=("Goal",))
    assert not merge_actions(MATCH, replace(settings, spotter_model_path=other)).reused
    assert read_stats(files.actions)["spotter"] != first
    with pytest.raises(ModelError, match="SPOTTER_MODEL_PATH"):
        merge_actions(MATCH, replace(settings, spotter_model_path=tmp_path / "gone"))


def test_the_clip_model_has_a_second_opinion(settings):
    prepare(settings, cut_at())
    before = best(merge_actions(MATCH, settings), "Save")
    window = {"match_ms": before["match_ms"] + 400, "scores": {"Save": 0.9}}
    prepare(settings, cut_at(windows=[window]))
    after = merge_actions(MATCH, settings).result["actions"]
    [same] = [one for one in after if (one["match_ms"], one["label"]) == (before["match_ms"], "Save")]
    assert same["confidence"] > before["confidence"]


@pytest.mark.parametrize("damage", [{"people": [1, 2]}, {"match_ms": "x"}, {"camera": "left"}])
def test_a_glance_of_another_form_is_damaged(settings, damage):
    chunks = cut_at()
    chunks[0]["glances"][7] |= damage
    prepare(settings, chunks)
    with pytest.raises(DamagedResultError, match="a glance of an unexpected form"):
        merge_actions(MATCH, settings)


@pytest.mark.parametrize("chunk", [{"windows": []}, {"glances": []}, {"glances": 5, "windows": []},
                                   {"glances": [], "windows": [{"match_ms": 0, "scores": {"Goal": 7}}]}])
def test_a_chunk_of_another_form_is_named(settings, chunk):
    prepare(settings, [chunk])
    with pytest.raises(DamagedResultError, match="chunk-0000 has no whole result"):
        merge_actions(MATCH, settings)


def best(outcome, label):
    return max((one for one in outcome.result["actions"] if one["label"] == label), key=lambda one: one["confidence"])


def test_actions_carry_their_evidence_and_candidates_stand_beside_them(settings):
    prepare(settings, cut_at())
    found = merge_actions(MATCH, settings).result
    assert all(0 <= one["evidence"]["spotter"] <= 1 for one in found["actions"])
    unsure = merge_actions(MATCH, replace(settings, min_event_confidence=1.0)).result
    assert (unsure["actions"], bool(unsure["candidates"])) == ([], True)
    assert all(one["evidence"] and one["others"] is not None for one in unsure["candidates"])


def test_before_the_kick_off_of_the_sidecar_is_warm_up(settings):
    prepare(settings, cut_at(), kick_offs_ms=[30_000])
    found = merge_actions(MATCH, settings).result
    assert min(one["match_ms"] for one in found["actions"]) >= 20_000
    assert "before" in {name for one in found["candidates"] for name in one["evidence"]}


REDS = {"home": "#c8102e", "away": None, "home_keeper": None, "away_keeper": None}


def with_teams() -> list[dict[str, object]]:
    """Six people in red and five in blue, and nobody else."""
    [chunk] = cut_at()
    for one in chunk["glances"]:
        one["people"] = [number for row, lab in enumerate([(90, 190, 160)] * 6 + [(90, 150, 70)] * 5)
                         for number in (80 * row, 400, 80 * row + 30, 500, 800, *lab)]
    return [chunk]


def test_the_sides_are_told_beside_the_actions_and_new_kits_are_noticed(settings):
    prepare(settings, with_teams())
    found = merge_actions(MATCH, settings).result
    assert (set(found["sides"]["kits"]), found["sides"]["told_by"], found["sides"]["ours"]) == (
        {"first", "second"}, None, None)
    assert {one["team"] for one in found["actions"]} <= {"first", "second", None}
    prepare(settings, with_teams(), kits=REDS, our_keeper="#f2c200")
    outcome = merge_actions(MATCH, settings)
    assert not outcome.reused
    sides = outcome.result["sides"]
    assert (set(sides["kits"]), sides["told_by"], sides["ours"]) == ({"home", "away"}, "kits", None)
    reds = bytes.fromhex(sides["kits"]["home"][1:])
    assert reds[0] > reds[2]
    prepare(settings, with_teams(), kits={**REDS, "home_keeper": "#f2c200"}, our_keeper="#f2c200")
    assert merge_actions(MATCH, settings).result["sides"]["ours"] == "home"


def test_what_the_film_gives_is_told_and_what_it_lacks_is_said(settings, capsys):
    prepare(settings, cut_at())
    found = merge_actions(MATCH, settings).result["seen"]
    assert found["people"] >= 1
    assert found == {"people": found["people"], "ball": found["ball"], "camera": 1.0, "sound": False, "teams": False,
                     "score": False}
    said = capsys.readouterr().out
    assert "There is no sound" in said
    assert "could not be told apart" in said
    assert "could be followed" not in said


def test_without_two_teams_no_action_has_one(settings):
    prepare(settings, cut_at(), kits=REDS, our_keeper="#f2c200")
    found = merge_actions(MATCH, settings).result
    assert found["sides"] == {"kits": {}, "told_by": None, "ours": None}
    assert {one["team"] for one in (*found["actions"], *found["candidates"])} == {None}


def halves(*, goes_on: bool) -> list[dict[str, object]]:
    """Two recordings in the place of one."""
    half = {**RECORDING, "duration_ms": SECONDS * 500}
    return [{**half, "goes_on": False}, {**half, "goes_on": goes_on}]


def test_chapters_of_one_film_give_the_actions_of_the_whole_film(settings):
    prepare(settings, cut_at())
    whole = merge_actions(MATCH, settings).result
    prepare(settings, cut_at(SECONDS * 5 // 2), *halves(goes_on=True))
    assert merge_actions(MATCH, settings).result == whole


def test_two_recordings_that_do_not_go_on_are_two_halves(settings):
    prepare(settings, cut_at(), *halves(goes_on=False))
    found = merge_actions(MATCH, settings).result
    assert found["kick_offs_ms"] == [0, SECONDS * 500]
    assert {one["half"] for one in found["actions"] + found["candidates"] if one["match_ms"] >= SECONDS * 500} == {2}
    prepare(settings, cut_at(), *halves(goes_on=False), kick_offs_ms=[1000])
    assert merge_actions(MATCH, settings).result["kick_offs_ms"] == [1000], "what the club wrote down comes first"
