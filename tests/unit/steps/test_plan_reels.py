import pytest

from support.merged import UNKNOWN, merged
from touchline.domain.layout import WorkFiles
from touchline.errors import DamagedResultError
from touchline.results.request import Request, save_request
from touchline.results.result import reuse_or_compute
from touchline.settings import Settings
from touchline.steps.plan_reels import plan_reels

MATCH = "cup-final-0123456789ab"


@pytest.fixture
def settings(tmp_path):
    settings = Settings(working_dir=tmp_path)
    save_request(Request(MATCH, ("/nas/a.mp4",), ("ab",), ("highlights", "keeper")), settings)
    return settings


def _write(settings, actions, kick_offs=(), sides=UNKNOWN):
    files = WorkFiles(settings.working_dir, MATCH)
    probe = {"recordings": [{"duration_ms": 600_000, "goes_on": False}]}
    reuse_or_compute(files.probe, "probe", {}, lambda: probe, force=True)
    reuse_or_compute(files.actions, "merge_actions", {}, lambda: merged(*actions, sides=sides, kick_offs_ms=kick_offs),
                     force=True)


def _action(match_ms, label, source="model", team=None):
    return {
        "match_ms": match_ms,
        "half": 1,
        "position_ms": match_ms,
        "label": label,
        "confidence": 0.9,
        "source": source,
        "team": team,
    }


def test_each_wanted_reel_gets_its_clips(settings, capsys):
    _write(settings, [_action(100_000, "Goal kick"), _action(200_000, "Shots off target"), _action(300_000, "Save")])
    reels = plan_reels(MATCH, settings).result["reels"]
    assert [clip["label"] for clip in reels["highlights"]] == ["Shots off target", "Save"]
    assert [clip["label"] for clip in reels["keeper"]] == ["Goal kick", "Save"]
    assert reels["keeper"][1] == {
        "start_ms": 292_000,
        "end_ms": 306_000,
        "label": "Save",
        "confidence": 0.9,
        "labels": ["Save"],
    }
    assert capsys.readouterr().out == "highlights: 2 clips, keeper: 2 clips\n"


OURS = {"kits": {"home": "#c8102e", "away": "#1d428a"}, "told_by": "kits", "ours": "home"}
BOTH_GOALS = [_action(100_000 * number, label, team=team) for number, (label, team) in enumerate([
    ("Save", "home"), ("Save", "away"), ("Goal", "home"), ("Goal", "away"), ("Penalty", None)], start=1)]


def test_the_keeper_reel_leaves_out_the_other_teams_keeper(settings):
    _write(settings, BOTH_GOALS, sides=OURS)
    reels = plan_reels(MATCH, settings).result["reels"]
    assert [(clip["start_ms"] // 100_000 + 1, clip["label"]) for clip in reels["keeper"]] == [
        (1, "Save"), (4, "Goal"), (5, "Penalty")]
    assert len(reels["highlights"]) == 5


def test_where_nobody_says_whose_keeper_is_ours_both_are_shown(settings):
    _write(settings, BOTH_GOALS, sides={**OURS, "ours": None})
    assert len(plan_reels(MATCH, settings).result["reels"]["keeper"]) == 5
    _write(settings, BOTH_GOALS, sides={**OURS, "ours": "away"})
    other = plan_reels(MATCH, settings)
    assert not other.reused
    assert [clip["label"] for clip in other.result["reels"]["keeper"]] == ["Save", "Goal", "Penalty"]


def test_a_match_without_actions_has_empty_reels(settings):
    _write(settings, [])
    assert plan_reels(MATCH, settings).result["reels"] == {"highlights": [], "keeper": []}


def test_the_plan_is_reused_until_an_action_changes(settings):
    _write(settings, [_action(100_000, "Save")])
    assert not plan_reels(MATCH, settings).reused
    assert plan_reels(MATCH, settings).reused
    assert not plan_reels(MATCH, settings, force=True).reused
    _write(settings, [_action(101_000, "Save")])
    assert not plan_reels(MATCH, settings).reused


def test_a_missing_action_file_is_named(settings):
    with pytest.raises(DamagedResultError, match=r"probe\.json is missing or damaged"):
        plan_reels(MATCH, settings)


def test_candidates_fill_highlights_but_not_those_of_which_another_answer_is_known(settings):
    def candidate(match_ms, **evidence):
        return _action(match_ms, "Shots on target") | {"confidence": 0.4, "others": [], "evidence": evidence}

    found = merged(_action(100_000, "Save"), candidates=(
        candidate(200_000, spotter=0.4), candidate(300_000, instead="Save"), candidate(400_000, before="the kick-off")))
    _write(settings, [])
    reuse_or_compute(WorkFiles(settings.working_dir, MATCH).actions, "merge_actions", {}, lambda: found, force=True)
    clips = plan_reels(MATCH, settings).result["reels"]["highlights"]
    assert [(clip["label"], clip["confidence"]) for clip in clips] == [("Save", 0.9), ("Shots on target", 0.4)]
