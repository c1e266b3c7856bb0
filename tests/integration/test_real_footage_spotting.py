"""Real clips through the whole pipeline: what is found of them today, held so that it does not get worse."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the models' libraries are in the worker's environment only")

from touchline_deploy.accuracy.bench_spotting import commit_of
from touchline_deploy.accuracy.real import FIRST, known_clips, real_figures

ROOT = Path(__file__).resolve().parents[2]
FOOTAGE = ROOT.parent / "shared" / "footage"

pytestmark = [
    pytest.mark.verify,  # five minutes of two cores
    pytest.mark.footage,
    pytest.mark.skipif(not FOOTAGE.is_dir(), reason=f"the real footage is not here: {FOOTAGE} is not a folder"),
]


@pytest.fixture(scope="module")
def figures(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("YOLO_MODEL_PATH", str(FOOTAGE / "models" / "yolov8n_coco.pt"))
        patch.setenv("USE_GPU", "false")
        return real_figures(known_clips(FOOTAGE / "clips"), tmp_path_factory.mktemp("real"), commit_of(ROOT),
                            with_copies=False)


def test_shots_are_among_the_first_peaks_of_their_clips(figures):
    ranks = {name: [shot and shot["rank"] for shot in one["shots"]] for name, one in figures["clips"].items()
             if one["shots"]}
    found = sum(rank is not None and rank <= FIRST for some in ranks.values() for rank in some)
    assert found >= 3, ranks


def test_where_nobody_shoots_no_shot_and_no_goal_is_told(figures):
    assert figures["shots that are none"]["count"] == 0


def test_a_kick_off_is_found(figures):
    [kick_off] = figures["clips"]["osasasasa_soccer"]["kick_offs"]
    assert kick_off and kick_off["rank"] <= 1 + FIRST
