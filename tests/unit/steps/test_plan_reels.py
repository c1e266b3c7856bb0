import pytest

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


def _write(settings, actions, kick_offs=()):
    files = WorkFiles(settings.working_dir, MATCH)
    probe = {"recordings": [{"duration_ms": 600_000}], "sidecar": {"kick_offs_ms": list(kick_offs)}}
    reuse_or_compute(files.probe, "probe", {}, lambda: probe, force=True)
    reuse_or_compute(files.actions, "merge_actions", {}, lambda: {"actions": actions}, force=True)


def _action(match_ms, label, source="model"):
    return {
        "match_ms": match_ms,
        "half": 1,
        "position_ms": match_ms,
        "label": label,
        "confidence": 0.9,
        "source": source,
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
