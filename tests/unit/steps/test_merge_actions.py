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
