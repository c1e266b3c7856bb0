"""Actions are merged from all chunks or not at all."""

import pytest

from touchline.domain.layout import WorkFiles
from touchline.errors import DamagedResultError
from touchline.results.request import Request, save_request
from touchline.results.result import reuse_or_compute
from touchline.settings import Settings
from touchline.steps.merge_actions import merge_actions

MATCH = "cup-final-0123456789ab"


def test_a_chunk_without_a_result_is_named(own_settings: Settings) -> None:
    save_request(Request(MATCH, ("/nas/Cup final.mp4",), ("f" * 64,), ("keeper",)), own_settings)
    files = WorkFiles(own_settings.working_dir, MATCH)
    for path, result in ((files.probe, {"sidecar": {"marks": [], "kick_offs_ms": []}}), (files.scan, {}),
                         (files.chunks, {"chunks": [{"chunk_id": "chunk-0000"}, {"chunk_id": "chunk-0001"}]}),
                         (files.spottings("chunk-0000"), {"windows": [], "views": []})):
        reuse_or_compute(path, path.stem, {}, lambda result=result: result)
    with pytest.raises(DamagedResultError, match="chunk-0001 has no whole result: clear its spot_chunk"):
        merge_actions(MATCH, own_settings)


def _prepare(settings: Settings, kick_offs_ms: list[int]) -> None:
    save_request(Request(MATCH, ("/nas/Cup final.mp4",), ("f" * 64,), ("keeper",)), settings)
    files = WorkFiles(settings.working_dir, MATCH)
    scores = {50_000: {"Goal": 0.6, "Save": 0.5}, 75_000: {"Kick-off": 0.8}, 20_000: {"Throw-in": 0.1}}
    windows = [{"match_ms": match_ms, "scores": found} for match_ms, found in scores.items()]
    scan = {"step_ms": 500, "duration_ms": 600_000, "surge": [], "whistle": [], "graphic": []}
    for path, result in ((files.probe, {"sidecar": {"marks": [], "kick_offs_ms": kick_offs_ms}}), (files.scan, scan),
                         (files.chunks, {"chunks": [{"chunk_id": "chunk-0000"}]}),
                         (files.spottings("chunk-0000"), {"windows": windows, "views": []})):
        reuse_or_compute(path, path.stem, {}, lambda result=result: result, force=True)


def test_actions_carry_their_evidence_and_candidates_stand_beside_them(own_settings: Settings) -> None:
    _prepare(own_settings, [])
    result = merge_actions(MATCH, own_settings).result
    goal = result["actions"][0]
    assert (goal["label"], goal["evidence"]["spotter"]) == ("Goal", 0.6)
    assert goal["evidence"]["kick_off_after"] > 1 and goal["confidence"] > 0.8
    assert [(one["match_ms"], one["label"], one["others"]) for one in result["candidates"]] == [
        (50_000, "Save", []), (20_000, "Throw-in", [])]


def test_before_the_kick_off_of_the_sidecar_is_warm_up(own_settings: Settings) -> None:
    _prepare(own_settings, [76_000])
    result = merge_actions(MATCH, own_settings).result
    assert [one["label"] for one in result["actions"]] == ["Kick-off"]
    assert [other["label"] for other in result["candidates"][0]["others"]] == ["Save"]
