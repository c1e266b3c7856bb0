"""The shipped models on simulated footage, with too little memory for whole batches: the results stay the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("torch", reason="the models' libraries are in the worker's environment only")

from touchline.domain.layout import WorkFiles
from touchline.inference.torchvision_nms import torch
from touchline.known_models import SHIPPED_MODELS
from touchline.results.result import reuse_or_compute
from touchline.settings import Settings
from touchline.steps.probe import probe
from touchline.steps.register import register_match
from touchline.steps.see_chunk import BATCH
from touchline.steps.simulate import simulate
from touchline.steps.spot_chunk import spot_chunk

SECONDS = 12
CHUNK = {"chunk_id": "chunk-0000", "index": 0, "start_ms": 0, "end_ms": SECONDS * 1000, "hot": [[0, SECONDS * 1000]]}
TOLERANCE = 0.001
"""What is left of the last of three decimals."""


@pytest.fixture(scope="module")
def spotted(tmp_path_factory):
    """`spotted()` spots the one chunk again and returns its result."""
    root = tmp_path_factory.mktemp("short-memory")
    settings = replace(Settings(), working_dir=root / "work", scratch_dir=root / "scratch", use_gpu="false",
                       action_model_path=SHIPPED_MODELS / "clip-model")
    simulate(SECONDS, 5, "broadcast", 640, 360, root / "film")
    match_id = register_match([root / "film" / "match.mp4"], settings).match_id
    probe(match_id, settings)
    files = WorkFiles(settings.working_dir, match_id)
    reuse_or_compute(files.chunks, "plan_chunks", {}, lambda: {"chunks": [CHUNK]}, force=True)
    return lambda: spot_chunk(match_id, CHUNK["chunk_id"], settings, force=True).result


@pytest.fixture
def room_for(monkeypatch):
    """Makes both models run out of memory for more than so many pictures; returns the sizes that they did look at."""
    from transformers import VideoMAEForVideoClassification
    from ultralytics.nn.autobackend import AutoBackend

    def make(most: int) -> dict[str, set[int]]:
        looked_at: dict[str, set[int]] = {"clip model": set(), "detector": set()}

        def limit(cls, name, tensor_of):
            forward = cls.forward

            def limited(self, *arguments, **named):
                size = len(tensor_of(arguments, named))
                if size > most:
                    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
                looked_at[name].add(size)
                return forward(self, *arguments, **named)

            monkeypatch.setattr(cls, "forward", limited)

        limit(VideoMAEForVideoClassification, "clip model", lambda _, named: named["pixel_values"])
        limit(AutoBackend, "detector", lambda arguments, _: arguments[0])
        return looked_at

    return make


def numbers(value, path=()):
    """All leaves of plain data, by their place."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if pairs is None:
        return {path: value}
    return {place: leaf for key, inner in pairs for place, leaf in numbers(inner, (*path, key)).items()}


@pytest.mark.parametrize("most", [3, 1])
def test_halved_batches_give_the_same_results(spotted, room_for, most, capsys):
    whole = spotted()
    looked_at = room_for(most)
    halved = spotted()
    size = {3: 2, 1: 1}[most]
    assert looked_at == {"clip model": {size}, "detector": {size}}
    said = capsys.readouterr().err
    assert f"going on with batches of {BATCH // 2}" in said
    assert f"going on with batches of {size}" in said
    assert any(window["scores"] for window in whole["windows"])
    assert any(glance["people"] for glance in whole["glances"])
    wanted, found = numbers(whole), numbers(halved)
    assert wanted.keys() == found.keys()
    differences = [place for place, value in wanted.items() if found[place] != pytest.approx(value, abs=TOLERANCE)]
    assert not differences
